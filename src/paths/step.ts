import { attemptDueMs, beginTogether, contactMs, joinAttempt, runAttempts } from "./attempts.ts";
import { decideRoutes, followLeader, refreshRelays } from "./decide.ts";
import { Draft } from "./draft.ts";
import { observe, refreshFacts, refreshPlaces } from "./facts.ts";
import {
  newPair,
  type Moment,
  type Pair,
  type PathMember,
  type PathsInput,
  type PathsState,
  type PathsStep,
} from "./state.ts";
import { hear, sayAgain, speak, speechDueMs } from "./talk.ts";
import { refreshTunnels } from "./tunnels.ts";
import { doubt, doubtEndsMs, judgeTunnels, watchTunnels } from "./watch.ts";

/** Both sides have had the time to see that the tunnel works. */
const settledMs = 5_000;

/** What a machine does about one input. Pure: the same arguments give the same answer, and nothing else happens. */
export function stepPaths(state: PathsState, input: PathsInput, moment: Moment): PathsStep {
  const draft = new Draft(state, moment);
  take(draft, input);
  refreshFacts(draft);
  judgeTunnels(draft);
  refreshRelays(draft);
  runAttempts(draft);
  decideRoutes(draft);
  refreshTunnels(draft);
  speak(draft);
  return draft.seal();
}

function take(draft: Draft, input: PathsInput): void {
  switch (input.kind) {
    case "own":
      draft.own = input.own;
      for (const pair of draft.pairs.values()) refreshPlaces(draft, pair);
      return;
    case "members":
      return takeMembers(draft, input.members);
    case "dump":
      return watchTunnels(draft, input.tunnels);
    case "message":
      return takeMessage(draft, draft.pairs.get(input.from), input.message);
    case "moved":
      return move(draft);
    case "tick":
  }
}

function takeMembers(draft: Draft, members: readonly PathMember[]): void {
  const present = new Map(members.map((member) => [member.node, member]));
  for (const node of draft.pairs.keys()) if (!present.has(node)) draft.remove(node);
  for (const member of present.values()) {
    if (member.node === draft.node) continue;
    const known = draft.pairs.get(member.node);
    if (known === undefined) draft.add(newPair(draft.node, member, draft.nowMs));
    else meet(draft, known, member);
    const pair = draft.pairs.get(member.node);
    if (pair !== undefined) refreshPlaces(draft, pair);
  }
  draft.observations = new Map([...draft.observations].filter(([node]) => present.has(node)));
}

function meet({ nowMs }: Draft, pair: Pair, member: PathMember): void {
  const before = pair.member;
  pair.member = member;
  if (before.linked && !member.linked) pair.linkedMs = nowMs;
  const isNews = JSON.stringify(before.facts) !== JSON.stringify(member.facts);
  if (isNews || (member.linked && !before.linked)) sayAgain(pair);
  // Whoever is there again is looked for now.
  if (member.linked && !before.linked) pair.nextTryMs = Math.min(pair.nextTryMs, nowMs);
}

function takeMessage(draft: Draft, pair: Pair | undefined, message: Uint8Array): void {
  if (pair === undefined) return;
  const { places: before, talk } = pair;
  const body = hear(draft, pair, message);
  if (draft.nowMs - talk.heardMs > contactMs && pair.talk.heardMs === draft.nowMs) beginTogether(draft, pair);
  if (body === undefined) return;
  observe(draft, pair.node, body.observed);
  refreshPlaces(draft, pair);
  // What this side takes for good may only seem so: it hears from the other, and is not heard.
  const isUnheard = !body.alive && pair.alive && draft.nowMs - pair.aliveMs > settledMs;
  if (isUnheard || hasGone(pair, before)) doubt(pair, draft.nowMs);
  followLeader(draft, pair);
  if (!pair.isLeader && body.attempt !== undefined) joinAttempt(draft, pair, body.attempt);
}

/** It was where packets go now, and says that it is no more. */
function hasGone({ places, watch }: Pair, before: Pair["places"]): boolean {
  const used = watch?.endpoint;
  const has = (list: Pair["places"]): boolean => list.some(({ endpoint }) => endpoint === used);
  return used !== undefined && has(before) && !has(places);
}

/** This machine is somewhere else. Members at public addresses will notice by the next packet; others must be told first. */
function move(draft: Draft): void {
  draft.movedMs = draft.nowMs;
  for (const pair of draft.pairs.values()) {
    sayAgain(pair);
    pair.nextTryMs = draft.nowMs;
    if (!pair.places.some(({ kind }) => kind === "public" || kind === "mapped")) doubt(pair, draft.nowMs);
  }
}

/** When a `tick` has something to do, on the clock of the moments; Infinity: only another input has. */
export function nextDueMs(state: PathsState): number {
  let dueMs = Infinity;
  for (const pair of state.pairs.values())
    dueMs = Math.min(dueMs, speechDueMs(pair.talk), doubtEndsMs(pair), state.own.up ? attemptDueMs(pair) : Infinity);
  return dueMs;
}
