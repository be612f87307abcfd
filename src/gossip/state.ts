import type { SignedRecord } from "../trust/record.ts";
import type { Version } from "./register.ts";
import { Registers } from "./registers.ts";

export interface GossipSetup {
  /** Node id of this machine. */
  readonly own: string;
  /** Checks a record to the last bit; trust/record `openRecord`. */
  readonly open: (bytes: Uint8Array) => SignedRecord | undefined;
}

/** Waits to be sent to one neighbour. Only what to tell of is kept: at sending the newest of it is taken. */
export interface Outbox {
  /** Not sent before; monotonic. */
  readonly nextMs: number;
  readonly digest: boolean;
  readonly buckets: boolean;
  /** Numbers of buckets to tell entry by entry. */
  readonly entries: ReadonlySet<number>;
  /** Keys. */
  readonly haves: ReadonlySet<string>;
  readonly wants: ReadonlySet<string>;
  readonly bodies: ReadonlySet<string>;
}

/** Somebody said that there is something newer; asked of one at a time. */
export interface Wanted extends Version {
  readonly untilMs: number;
  /** Who else has it. */
  readonly others: readonly string[];
}

/** Checks of signatures that a neighbour may still cause. */
export interface Budget {
  readonly checks: number;
  readonly atMs: number;
}

/** What was dropped, and why; for people who look for a fault. */
export interface GossipCounts {
  /** Messages, or the rest of one, that could not be read. */
  readonly garbage: number;
  /** Records whose signature or number is not what it says. */
  readonly forged: number;
  readonly stale: number;
  readonly doubled: number;
  /** Records of unknown machines while there are as many as one crew may have. */
  readonly crowded: number;
  /** Records over the checks a neighbour may cause. */
  readonly overRate: number;
}

export interface GossipState {
  readonly setup: GossipSetup;
  readonly registers: Registers;
  /** Linked machines. */
  readonly links: ReadonlyMap<string, Budget>;
  /** Keys of machines that proved the secret: there is always room for them. */
  readonly members: ReadonlySet<string>;
  /** Linked machines that news is passed on to; at most 6. */
  readonly picks: readonly string[];
  readonly outboxes: ReadonlyMap<string, Outbox>;
  readonly wanted: ReadonlyMap<string, Wanted>;
  /** Changed again too soon after it was passed on; by key, with the time when it may go. */
  readonly held: ReadonlyMap<string, { readonly dueMs: number; readonly urgent: boolean }>;
  /** When the next digest goes to somebody. */
  readonly digestMs: number;
  readonly intervalMs: number;
  /** Nothing of weight has changed since the last digest. */
  readonly calm: boolean;
  /** This machine's figures are told again after so many times the usual; random, so that not all do it at once. */
  readonly refreshShare: number;
  readonly counts: GossipCounts;
}

export type GossipInput =
  | { readonly kind: "tick" }
  /** Node ids: who is linked now, and who ever proved the secret. */
  | { readonly kind: "links"; readonly linked: readonly string[]; readonly members: readonly string[] }
  /** The newest record of this machine; every heartbeat's, the step decides which is told. */
  | { readonly kind: "own"; readonly signed: SignedRecord }
  /** `from` is who the link proved to be. */
  | { readonly kind: "message"; readonly from: string; readonly message: Uint8Array };

export type GossipOutput =
  | { readonly kind: "send"; readonly to: string; readonly message: Uint8Array }
  /** A newer record of another machine. */
  | { readonly kind: "learnt"; readonly signed: SignedRecord; readonly heardMs: number }
  /** For the first time: this machine signed two records with one number. */
  | { readonly kind: "contradiction"; readonly node: string }
  /** A record of this machine with a higher number than it gives now: its home came back from a backup. */
  | { readonly kind: "outrun"; readonly bytes: Uint8Array };

export interface GossipStep {
  readonly state: GossipState;
  readonly outputs: readonly GossipOutput[];
}

export const digestMs: { readonly least: number; readonly most: number } = { least: 5_000, most: 30_000 };

export function startGossip(setup: GossipSetup): GossipState {
  return {
    setup,
    registers: Registers.empty(),
    ...{ links: new Map(), members: new Set(), picks: [], outboxes: new Map(), wanted: new Map(), held: new Map() },
    digestMs: -Infinity,
    intervalMs: digestMs.least,
    calm: true,
    refreshShare: 1,
    counts: { garbage: 0, forged: 0, stale: 0, doubled: 0, crowded: 0, overRate: 0 },
  };
}

/** When the next tick has something to do; Infinity when only an input can bring it. */
export function nextDueMs({ links, outboxes, wanted, held, digestMs: digest }: GossipState): number {
  let due = links.size === 0 ? Infinity : digest;
  for (const outbox of outboxes.values()) if (!isIdle(outbox)) due = Math.min(due, outbox.nextMs);
  for (const { untilMs } of wanted.values()) due = Math.min(due, untilMs);
  for (const { dueMs } of held.values()) due = Math.min(due, dueMs);
  return due;
}

export function isIdle({ digest, buckets, entries, haves, wants, bodies }: Outbox): boolean {
  return !digest && !buckets && entries.size + haves.size + wants.size + bodies.size === 0;
}
