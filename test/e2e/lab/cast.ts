import { Lab } from "./lab.ts";
import type { LabHost } from "./host.ts";
import type { LabHouse } from "./house.ts";
import type { NatKind } from "./nat.ts";
import type { PublicHost } from "./public-host.ts";

/** Who is behind what. */
export const cast = { raj: "cone", priya: "cone", alex: "symmetric", sam: "udp-blocked" } as const;
export type Tenant = keyof typeof cast;

/** Five friends: vivek has a public address, the others live in a house each. */
export interface Friends {
  readonly lab: Lab;
  readonly vivek: PublicHost;
  readonly houses: Readonly<Record<Tenant, LabHouse>>;
  readonly hosts: readonly LabHost[];
}

/** Everybody's machine is on; homie runs on none. */
export async function openFriends(config: Readonly<Record<string, string | number>> = {}): Promise<Friends> {
  const lab = await Lab.open();
  try {
    const settle = async (name: string, nat: NatKind): Promise<LabHouse> => {
      const house = await lab.addHouse(`${name}-house`, { nat });
      await house.addHost(name, config);
      return house;
    };
    const [vivek, raj, priya, alex, sam] = await Promise.all([
      lab.addPublicHost("vivek", config),
      settle("raj", cast.raj),
      settle("priya", cast.priya),
      settle("alex", cast.alex),
      settle("sam", cast.sam),
    ]);
    return { lab, vivek, houses: { raj, priya, alex, sam }, hosts: lab.hosts };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
