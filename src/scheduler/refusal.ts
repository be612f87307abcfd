/** Why a peer cannot take a Job. Scripts rely on these words; the order is the one they are looked at in. */
export type RefusalReason =
  | "NotOnline"
  | "NotTrusted"
  | "IncompatibleVersion"
  | "Cordoned"
  | "Quarantined"
  | "NotPinnedPeer"
  | "SelectorMismatch"
  | "PlatformMismatch"
  | "InsufficientGpu"
  | "InsufficientCpu"
  | "InsufficientMemory"
  | "InsufficientDisk"
  | "NoJobSlot"
  | "NetworkNotAllowed"
  | "PeerNotAllowed"
  | "ImageNotAllowed"
  | "RuntimeNotAllowed"
  | "QuietHours"
  | "NotIdle"
  | "OnBattery"
  | "Snoozed"
  | "TriedTwice";

/** A text as it is, or a number in the unit of its reason (`unitOf`). */
export type Amount = string | number;

/** Said by numbers; texts are made when somebody looks (render-placement.ts), a decision makes none. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly need: Amount;
  readonly free: Amount;
  /** What would help, for people. */
  readonly hint: string;
  /** Said where the reason alone does not tell: no waiting helps. */
  readonly lasting?: true;
}

/** `left` and `silent` are seconds. */
type Unit = "cores" | "bytes" | "left" | "silent" | "count";

const units: Partial<Record<RefusalReason, Unit>> = {
  InsufficientCpu: "cores",
  InsufficientMemory: "bytes",
  InsufficientDisk: "bytes",
  NotOnline: "silent",
  Quarantined: "left",
  Snoozed: "left",
};

/** Unit of a number in `need` or `free`. */
export function unitOf(reason: RefusalReason): Unit {
  return units[reason] ?? "count";
}
