import { sameContent } from "../../resources/canonical.ts";
import type { Network } from "../../resources/network.ts";
import type { MeshSight, RelayOutcome, RelayWanted, TunnelConfig } from "./ports.ts";

export const cleanup = "homie.dev/interface";
/** How often rules and interface are looked at again: others change them without a word. */
export const lookAgainMs = 30_000;

export interface Failure {
  readonly step: "Apply" | "Remove";
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Until it is worth another try; 0: now. */
  readonly waitMs: number;
}

export interface NetworkActual {
  /** There is one interface: the Network object that counts is this one, or the one of that name. */
  readonly counts: true | { readonly name: string };
  readonly sight?: MeshSight;
  /** Absent: nothing is to be there. */
  readonly wanted?: { readonly tunnel: TunnelConfig; readonly relay: RelayWanted };
  /** The interface is as wanted. */
  readonly converged: boolean;
  /** How many of the wanted peers it has. */
  readonly peers: number;
  /** There is a configuration file of this membership. */
  readonly rendered: boolean;
  /** Nothing is left of an interface. */
  readonly cleared: boolean;
  readonly failure?: Failure;
  readonly relay?: { readonly wanted: RelayWanted; readonly outcome: RelayOutcome; readonly ageMs: number };
}

/** Plain data: what to do next, nothing about how. */
export type NetworkAction =
  /** From now on the object stays until the interface is gone. */
  | { readonly type: "Claim" }
  | { readonly type: "Relay"; readonly wanted: RelayWanted }
  | { readonly type: "Apply"; readonly config: TunnelConfig }
  | { readonly type: "Remove" }
  | { readonly type: "Release" };

export function planNetwork({ metadata }: Network, actual: NetworkActual): readonly NetworkAction[] {
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const isClaimed = metadata.finalizers?.includes(cleanup) ?? false;
  const release: readonly NetworkAction[] = isDeleted && isClaimed ? [{ type: "Release" }] : [];
  const { counts, wanted } = actual;
  if (counts !== true) return release;
  if (isDeleted || wanted === undefined) {
    if (actual.cleared) return release;
    return isWaiting(actual) ? [] : [{ type: "Remove" }];
  }
  return isClaimed ? planInterface(wanted, actual) : [{ type: "Claim" }, ...planInterface(wanted, actual)];
}

function planInterface(
  { relay, tunnel }: NonNullable<NetworkActual["wanted"]>,
  actual: NetworkActual,
): readonly NetworkAction[] {
  const actions: NetworkAction[] = [];
  // The rules come before the interface: no packet of a member shall reach this machine's other networks, not even the first.
  if (isRelayDue(relay, actual)) actions.push({ type: "Relay", wanted: relay });
  if (!actual.converged && !isWaiting(actual)) actions.push({ type: "Apply", config: tunnel });
  return actions;
}

function isWaiting({ failure }: NetworkActual): boolean {
  return failure !== undefined && failure.waitMs > 0;
}

function isRelayDue(wanted: RelayWanted, { relay }: NetworkActual): boolean {
  return relay === undefined || relay.ageMs >= lookAgainMs || !sameContent(relay.wanted, wanted);
}
