import type { NatKind } from "../resources/network-report.ts";
import type { Body } from "./message.ts";
import type { Place, Tunnel, TunnelFacts } from "./types.ts";

export interface PathMember {
  /** 25 letters. */
  readonly node: string;
  /** Of its newest record; unchecked claims. */
  readonly facts?: TunnelFacts;
  /** Of the TLS link to it. */
  readonly rttMs?: number;
  /** A TLS link to it exists and was heard lately: messages arrive. */
  readonly linked: boolean;
  /** IP:PORT on this machine, behind which packets to it travel in a connection, as UDP does not get through. */
  readonly carried?: string;
}

export interface OwnSight {
  /** WireGuard's listen port. */
  readonly port: number;
  /** Of real interfaces: no bridges, no homie0. */
  readonly addresses: readonly { readonly address: string; readonly prefix: number }[];
  /** What the owner wrote, if it is IP:PORT. */
  readonly endpoint?: string;
  /** IP:PORT that a router mapped. */
  readonly mapped?: string;
  /** From a test over another UDP socket; better than guessing. */
  readonly natHint?: NatKind;
  /** Forwarding is set up and allowed by the owner. */
  readonly canRelay: boolean;
  /** The interface exists. */
  readonly up: boolean;
  /** ADDRESS/PREFIX of the mesh itself: no peer is looked for inside the tunnels. */
  readonly meshRanges?: readonly string[];
}

/** A peer as WireGuard shows it. */
export interface TunnelSight {
  readonly node: string;
  readonly endpoint?: string;
  readonly handshakeAgeMs?: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Members whose addresses go into this tunnel now. */
  readonly carries?: readonly string[];
}

export type PathsInput =
  | { readonly kind: "own"; readonly own: OwnSight }
  | { readonly kind: "members"; readonly members: readonly PathMember[] }
  /** Every 1 or 2 s. */
  | { readonly kind: "dump"; readonly tunnels: readonly TunnelSight[] }
  /** `from` is who the link proved to be. */
  | { readonly kind: "message"; readonly from: string; readonly message: Uint8Array }
  /** Own addresses changed, or the machine woke. */
  | { readonly kind: "moved" }
  | { readonly kind: "tick" };

export type PathsOutput =
  /** At most 1 KiB, best effort: may be lost, doubled, late and reordered. */
  | { readonly kind: "say"; readonly to: string; readonly message: Uint8Array }
  /**
   * Take the peer out of WireGuard and put it in as `tunnelsOf` says now: that forgets a session and its timers. In one go: a
   * peer that is changed first and put in again within 20 ms starts twice, and the other side takes the second for a flood.
   */
  | { readonly kind: "renew"; readonly node: string };

export interface Moment {
  /** Monotonic. */
  readonly nowMs: number;
  /** From 0 up to 1. */
  readonly random: number;
}

/** How packets of a pair go: in its own tunnel, or through the member with this node id. */
export type Route = "straight" | (string & {});

/** A kind of way to reach each other directly; each side takes the place of the other that it stands for. */
export interface Option {
  readonly kind: "lan" | "public" | "seen";
  readonly index: number;
}

export interface Attempt {
  readonly number: number;
  readonly option: Option;
  readonly isLeaderFirst: boolean;
  readonly startMs: number;
  readonly untilMs: number;
  /** When this side starts a handshake; those that are over are gone. */
  readonly turnsMs: readonly number[];
  /** The first of them. */
  readonly knocksMs: number;
  /** Where this side looks; undefined: it can only be found. */
  readonly endpoint: string | undefined;
}

/** The tunnel to a member, as the dumps showed it so far. */
export interface Watch {
  readonly endpoint: string | undefined;
  /** Of the last handshake: as WireGuard says, which may have another clock; and when it was for us. */
  readonly stampMs: number | undefined;
  readonly handshakeMs: number;
  readonly received: number;
  readonly sent: number;
  /** When something came last. */
  readonly receivedMs: number;
  /** What was sent by then. */
  readonly sentThen: number;
  /** Since when something is sent that nothing came back for. */
  readonly owedMs: number | undefined;
}

/** One conversation: numbers and runs, so that what comes late or twice changes nothing. */
export interface Talk {
  /** Of the other side's run, proved by its knowing ours. */
  readonly session: string | undefined;
  /** The run that it says it is in. */
  readonly claimed: string;
  /** Runs it had before: whatever they said is over. */
  readonly past: readonly string[];
  /** The highest number heard in this session. */
  readonly heard: number;
  readonly heardMs: number;
  /** Ours: the highest number the other has. */
  readonly acknowledged: number;
  readonly number: number;
  readonly text: string;
  readonly saidMs: number;
  readonly says: number;
  /** It asked, and waits for an answer. */
  readonly owes: boolean;
  readonly budget: number;
  readonly budgetMs: number;
}

export interface TryResult {
  readonly kind: Place["kind"];
  readonly result: "works" | "no answer" | "waiting";
  /** In a row. */
  readonly failures: number;
  readonly atMs: number;
}

/** This machine and one member. Written only by a Draft, which works on copies. */
export interface Pair {
  readonly node: string;
  /** It decides for both. */
  readonly isLeader: boolean;
  member: PathMember;
  /** Where it may be; checked. */
  places: readonly Place[];
  linkedMs: number;
  watch: Watch | undefined;
  /** The tunnel between the two works, as far as can be seen from here. */
  alive: boolean;
  /** Since when. */
  aliveMs: number;
  /** What came before this moment proves nothing. */
  doubtMs: number;
  route: Route;
  routeMs: number;
  /** Number of the leader's decision that is carried out. */
  decided: number;
  /** Leader: the newest decision, which the other side may not have carried out yet. */
  offer: Route;
  offered: number;
  /** Another relay would be better, and since when. */
  better: { readonly node: string; readonly sinceMs: number } | undefined;
  talk: Talk;
  said: Body | undefined;
  attempt: Attempt | undefined;
  /** Number of the last attempt that was agreed on. */
  attempts: number;
  /** What is left of this round. */
  options: readonly Option[];
  rounds: number;
  nextTryMs: number;
  /** What the options depended on when the round began. */
  basis: string;
  endpoint: string | undefined;
  tried: ReadonlyMap<string, TryResult>;
}

export interface Observation {
  readonly endpoint: string;
  readonly atMs: number;
}

export interface PathsState {
  readonly node: string;
  /** Of this run, 12 hexadecimal digits; "" before the first step. */
  readonly session: string;
  readonly own: OwnSight;
  /** WireGuard was looked at: nothing is tried before, as there may be tunnels of an earlier run. */
  readonly hasLooked: boolean;
  readonly pairs: ReadonlyMap<string, Readonly<Pair>>;
  /** Where members see this machine's tunnel: by observer, the newest last. */
  readonly observations: ReadonlyMap<string, Observation>;
  /** When this machine came to be where it is. */
  readonly movedMs: number;
  readonly relays: Body["relays"];
  readonly relaysMs: number;
  readonly facts: TunnelFacts;
  readonly tunnels: readonly Tunnel[];
  readonly nowMs: number;
}

export interface PathsStep {
  readonly state: PathsState;
  readonly outputs: readonly PathsOutput[];
}

export function startPaths(own: string): PathsState {
  return {
    node: own,
    session: "",
    own: { port: 0, addresses: [], canRelay: false, up: false },
    hasLooked: false,
    pairs: new Map(),
    observations: new Map(),
    movedMs: -Infinity,
    ...{ relays: [], relaysMs: -Infinity },
    facts: { places: [], nat: "unknown", relays: false },
    tunnels: [],
    nowMs: 0,
  };
}

/** What WireGuard is to be configured with; the same object while nothing changes. */
export function tunnelsOf({ tunnels }: PathsState): readonly Tunnel[] {
  return tunnels;
}

/** What goes into this machine's live record; the same object while nothing changes. */
export function ownFacts({ facts }: PathsState): TunnelFacts {
  return facts;
}

/** Where members see this machine's tunnel, by node id. */
export function seenBy({ observations }: PathsState): ReadonlyMap<string, string> {
  return new Map(Array.from(observations, ([node, { endpoint }]) => [node, endpoint]));
}

export function newPair(own: string, member: PathMember, nowMs: number): Pair {
  const { node } = member;
  const isLeader = own < node;
  const talk = { session: undefined, claimed: "", past: [], heard: 0, heardMs: -Infinity, acknowledged: 0, number: 0 };
  return {
    ...{ node, member, isLeader, places: [], linkedMs: -Infinity },
    ...{ watch: undefined, alive: false, aliveMs: nowMs, doubtMs: -Infinity },
    ...{ route: "straight", routeMs: nowMs, decided: isLeader ? 1 : 0 },
    ...{ offer: "straight", offered: isLeader ? 1 : 0, better: undefined },
    talk: { ...talk, text: "", saidMs: -Infinity, says: 0, owes: false, budget: 40, budgetMs: nowMs },
    said: undefined,
    ...{ attempt: undefined, attempts: 0, options: [], rounds: 0, nextTryMs: nowMs, basis: "" },
    ...{ endpoint: undefined, tried: new Map() },
  };
}
