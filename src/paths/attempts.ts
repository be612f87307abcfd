import type { Draft } from "./draft.ts";
import { isLoopback } from "./facts.ts";
import { endpointsOf, isHarder, isHopeless, optionsOf, placesOf } from "./options.ts";
import type { Attempt, Pair, TryResult } from "./state.ts";
import { doubtEndsMs, isDown } from "./watch.ts";
import type { Body } from "./message.ts";

const lastsMs = { lan: 2_200, public: 2_700, seen: 4_200 } as const;
/** Of one side; removed and added again, WireGuard waits for no timer of its own. */
const turnMs = 1_000;
/** Two starts that cross cancel each other: the second comes later than a packet needs. */
const secondMs = 400;
/** So long a way had its chance. */
const fairMs = 2_000;
/** How much later the other side begins that has to be told first. */
const toldMs = 200;
const quickRounds = 6;
const quickMs = 5_000;
const slowMs = 60_000;
const hopelessMs = 600_000;
/** Who hears nothing from the leader tries alone. */
export const contactMs = 10_000;
/** After that the leader would have noticed too, or been told. */
const unheardMs = 1_500;
/** Results that are kept for people. */
const maxTried = 24;

/** Looks for direct ways, one after the other, wherever the tunnel does not work. */
export function runAttempts(draft: Draft): void {
  if (!draft.own.up || !draft.hasLooked) return;
  for (const pair of draft.pairs.values()) {
    if (pair.alive) rest(draft, pair);
    else if (isDown(pair, draft.nowMs)) search(draft, pair);
  }
}

function rest(draft: Draft, pair: Pair): void {
  if (pair.endpoint !== undefined) note(draft, pair, { endpoint: pair.endpoint, result: "works" });
  pair.attempt = undefined;
  pair.options = [];
  pair.rounds = 0;
  pair.nextTryMs = draft.nowMs;
  pair.basis = "";
}

function search(draft: Draft, pair: Pair): void {
  const basis = basisOf(draft, pair);
  if (basis !== pair.basis) {
    pair.basis = basis;
    beginAgain(draft, pair);
  }
  if (pair.attempt !== undefined) pair.attempt = goOn(draft, pair, pair.attempt);
  if (pair.attempt === undefined && drives(draft, pair)) startNext(draft, pair);
}

/** Everything that may make a way possible that was none. */
function basisOf({ facts }: Draft, { places, member }: Pair): string {
  return JSON.stringify([facts.places, facts.nat, places, member.facts?.nat, member.carried]);
}

function hasContact({ talk }: Pair, nowMs: number): boolean {
  return nowMs - talk.heardMs < contactMs;
}

/** Who sees a tunnel fail that the leader takes for good does not wait for it; nor who alone knows of a way. */
function drives({ nowMs }: Draft, pair: Pair): boolean {
  if (pair.isLeader || !hasContact(pair, nowMs) || pair.member.carried !== undefined) return true;
  return pair.said?.alive === true && nowMs - pair.aliveMs > unheardMs;
}

function goOn(draft: Draft, pair: Pair, attempt: Attempt): Attempt | undefined {
  const { nowMs } = draft;
  if (nowMs >= attempt.untilMs) {
    if (attempt.endpoint !== undefined) note(draft, pair, { endpoint: attempt.endpoint, result: "no answer" });
    if (pair.options.length === 0) endRound(draft, pair);
    return undefined;
  }
  const left = attempt.turnsMs.filter((turn) => turn > nowMs);
  if (left.length === attempt.turnsMs.length) return attempt;
  draft.outputs.push({ kind: "renew", node: pair.node });
  return { ...attempt, turnsMs: left };
}

function endRound({ nowMs, facts }: Draft, pair: Pair): void {
  pair.rounds += 1;
  const isVain = pair.member.carried === undefined && isHopeless(facts.nat, pair.member.facts?.nat ?? "unknown");
  const pause = pair.rounds <= quickRounds ? quickMs : slowMs;
  pair.nextTryMs = nowMs + (isVain ? hopelessMs : pause);
}

function startNext(draft: Draft, pair: Pair): void {
  if (pair.options.length === 0) {
    if (draft.nowMs < pair.nextTryMs) return;
    pair.options = optionsOf(draft, pair);
  }
  const [option, ...others] = pair.options;
  if (option === undefined) return endRound(draft, pair);
  pair.options = others;
  const number = pair.attempts + 1;
  const isLeaderFirst = !isHarder(draft.facts.nat, pair.member.facts?.nat ?? "unknown");
  const isAlone = !pair.isLeader || !hasContact(pair, draft.nowMs);
  if (!isAlone) pair.attempts = number;
  start(draft, pair, { option, number: isAlone ? 0 : number, isLeaderFirst, isAlone });
}

/** Until now each tried alone. */
export function beginTogether(draft: Draft, pair: Pair): void {
  if (pair.isLeader && !pair.alive) beginAgain(draft, pair);
}

/**
 * What is tried now was chosen without knowing what is known now. A follower goes on with what it was told, unless it alone
 * knows of a way.
 */
function beginAgain({ nowMs }: Draft, pair: Pair): void {
  if (pair.isLeader || pair.attempt?.number === 0 || pair.member.carried !== undefined) pair.attempt = undefined;
  pair.options = [];
  pair.rounds = 0;
  pair.nextTryMs = nowMs;
}

/** The leader says what is tried now. */
export function joinAttempt(draft: Draft, pair: Pair, { number, kind, index, isLeaderFirst }: Tried): void {
  if (number <= pair.attempts || pair.alive) return;
  // Over UDP, which does not get through; the leader does not know of the connection that carries packets.
  if (pair.member.carried !== undefined) {
    pair.attempts = number;
    return;
  }
  const { endpoint, startMs = Infinity } = pair.attempt ?? {};
  // The leader goes on, as the last way has not answered; or it has only just learned something.
  if (endpoint !== undefined && draft.nowMs - startMs >= fairMs) note(draft, pair, { endpoint, result: "no answer" });
  pair.attempts = number;
  pair.options = [];
  start(draft, pair, { option: { kind, index }, number, isLeaderFirst, isAlone: false });
}

type Tried = NonNullable<Body["attempt"]>;
type Plan = Pick<Attempt, "option" | "number" | "isLeaderFirst"> & { readonly isAlone: boolean };

function start(draft: Draft, pair: Pair, { option, number, isLeaderFirst, isAlone }: Plan): void {
  const { nowMs, random, own } = draft;
  const endpoint = endpointsOf(pair, own, option.kind)[option.index];
  const untilMs = nowMs + lastsMs[option.kind];
  const isFirst = pair.isLeader === isLeaderFirst;
  const told = pair.isLeader ? toldMs : 0;
  // Alone, neither knows when the other starts; who cannot be looked for is not met halfway.
  const isMet = placesOf(draft.facts.places, option.kind).length > option.index;
  const waitMs = isAlone ? random * 600 : isFirst ? 0 : secondMs + told;
  const firstMs = nowMs + (isMet ? waitMs : 0);
  const turns = Array.from({ length: 4 }, (_, turn) => firstMs + turn * turnMs).filter((turn) => turn < untilMs - 300);
  const turnsMs = endpoint === undefined || pair.alive ? [] : turns;
  if (endpoint !== undefined) {
    pair.endpoint = endpoint;
    note(draft, pair, { endpoint, result: "waiting" });
  }
  const attempt = {
    number,
    option,
    isLeaderFirst,
    startMs: nowMs,
    untilMs,
    turnsMs,
    knocksMs: turnsMs[0] ?? Infinity,
    endpoint,
  };
  pair.attempt = goOn(draft, pair, attempt);
}

function note(
  { nowMs }: Draft,
  pair: Pair,
  { endpoint, result }: { readonly endpoint: string; readonly result: TryResult["result"] },
): void {
  const known = pair.places.find((place) => place.endpoint === endpoint)?.kind;
  const kind = known ?? (isLoopback(endpoint) ? "public" : "seen");
  const before = pair.tried.get(endpoint);
  if (before?.result === result && before.kind === kind && result === "works") return;
  const failed = before?.failures ?? 0;
  const failures = result === "works" ? 0 : result === "waiting" ? failed : failed + 1;
  const others = [...pair.tried].filter(([each]) => each !== endpoint);
  pair.tried = new Map([...others, [endpoint, { kind, result, failures, atMs: nowMs }] as const].slice(-maxTried));
}

/** Whether this side itself knocks now. */
export function isKnocking({ attempt }: Readonly<Pair>, nowMs: number): boolean {
  return attempt !== undefined && nowMs >= attempt.knocksMs;
}

/** When something is to be done for this pair; Infinity: nothing but what an input brings. */
export function attemptDueMs(pair: Readonly<Pair>): number {
  const { alive, attempt, nextTryMs, isLeader } = pair;
  if (alive) return Infinity;
  if (attempt !== undefined) return Math.min(attempt.untilMs, ...attempt.turnsMs);
  const doubtMs = doubtEndsMs(pair);
  if (!isLeader) return doubtMs;
  return doubtMs === Infinity ? nextTryMs : Math.max(nextTryMs, doubtMs);
}
