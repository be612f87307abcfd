import type { Network } from "../../resources/network.ts";

/**
 * The one Network object that the interface belongs to: that of the mesh this machine is in, else any, so that somebody
 * cleans up; one that stays before one that goes, the older before the newer.
 */
export function chooseNetwork(networks: readonly Network[], mesh: string | undefined): Network | undefined {
  const rank = ({ metadata }: Network): string =>
    [
      metadata.name === mesh ? 0 : 1,
      metadata.deletionTimestamp === undefined ? 0 : 1,
      metadata.creationTimestamp,
      metadata.name,
    ].join(" ");
  return networks.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))[0];
}
