import type { Draft } from "./draft.ts";
import { decodeMessage, encodeBody, encodeMessage, maxSeen, type Body, type Message } from "./message.ts";
import type { Pair, Talk } from "./state.ts";

const budget = { most: 40, perSecond: 4 } as const;
/** How often is said again what was not acknowledged: [as many times, every so many ms]. */
const again = [
  [10, 1_000],
  [30, 5_000],
] as const;
const seldomMs = 60_000;
const maxPast = 64;
/** Less than the time after which a question is put again. */
const answeredMs = 300;

/** The body of a message that is news; undefined for everything else. */
export function hear(draft: Draft, pair: Pair, bytes: Uint8Array): Body | undefined {
  if (!afford(pair, draft.nowMs)) return undefined;
  const message = decodeMessage(bytes);
  if (message === undefined || pair.talk.past.includes(message.session)) return undefined;
  const { talk } = pair;
  // The same question comes over several ways at once: one answer is enough.
  const isAnswered = message.number <= talk.heard && draft.nowMs - talk.saidMs < answeredMs;
  const owes = talk.owes || (message.asks && !isAnswered);
  // Only who knows this run of ours speaks now; others learn of it by the answer.
  if (message.peerSession !== draft.session) {
    pair.talk = { ...talk, claimed: message.session, owes: true };
    return undefined;
  }
  if (message.session !== talk.session) turnTo(pair, message);
  const isNews = message.number > pair.talk.heard;
  pair.talk = {
    ...pair.talk,
    owes,
    heardMs: draft.nowMs,
    heard: Math.max(pair.talk.heard, message.number),
    acknowledged: Math.max(pair.talk.acknowledged, Math.min(message.acknowledged, pair.talk.number)),
  };
  if (!isNews) return undefined;
  pair.said = message.body;
  return message.body;
}

function afford(pair: Pair, nowMs: number): boolean {
  const { talk } = pair;
  const filled = Math.min(budget.most, talk.budget + ((nowMs - talk.budgetMs) / 1_000) * budget.perSecond);
  if (filled < 1) return false;
  pair.talk = { ...talk, budget: filled - 1, budgetMs: nowMs };
  return true;
}

/** The other side runs anew: what it knew it has forgotten, and its numbers start again. */
function turnTo(pair: Pair, { session }: Message): void {
  const { talk } = pair;
  const past = talk.session === undefined ? talk.past : [...talk.past, talk.session].slice(-maxPast);
  pair.talk = { ...talk, session, claimed: session, past, heard: 0, acknowledged: 0, says: 0 };
  pair.said = undefined;
  if (pair.isLeader) return;
  pair.attempts = 0;
  pair.decided = 0;
}

/** There may be a way for messages now that was none. */
export function sayAgain(pair: Pair): void {
  pair.talk = { ...pair.talk, says: 0 };
}

/** Tells everybody what is new for them, and again what they have not acknowledged. */
export function speak(draft: Draft): void {
  for (const pair of draft.pairs.values()) {
    const body = bodyFor(draft, pair);
    const text = encodeBody(body);
    if (text !== pair.talk.text) pair.talk = { ...pair.talk, text, number: pair.talk.number + 1, says: 0 };
    const { talk } = pair;
    if (!talk.owes && draft.nowMs < speechDueMs(talk)) continue;
    const asks = talk.acknowledged < talk.number;
    const { number, heard: acknowledged } = talk;
    const message = { session: draft.session, peerSession: talk.claimed, number, acknowledged, asks, body };
    draft.outputs.push({ kind: "say", to: pair.node, message: encodeMessage(message) });
    pair.talk = { ...talk, owes: false, saidMs: draft.nowMs, says: talk.says + 1 };
  }
}

function bodyFor(draft: Draft, pair: Pair): Body {
  const { attempt, isLeader, alive } = pair;
  const isStraight = alive && pair.route === "straight" && pair.offer === pair.route;
  return {
    decision: isLeader ? { number: pair.offered, route: pair.offer } : undefined,
    done: isLeader ? 0 : pair.decided,
    alive,
    attempt: isLeader && attempt !== undefined && attempt.number > 0 ? told(attempt) : undefined,
    observed: alive ? pair.watch?.endpoint : undefined,
    seen: draft.facts.places.flatMap(({ kind, endpoint }) => (kind === "seen" ? [endpoint] : [])).slice(0, maxSeen),
    // Who needs no relay is not told of every change of round trips.
    relays: isStraight ? [] : draft.relays,
  };
}

function told({ number, option, isLeaderFirst }: NonNullable<Pair["attempt"]>): Body["attempt"] {
  return { number, ...option, isLeaderFirst };
}

/** When something is to be said again; Infinity: all is said. */
export function speechDueMs({ acknowledged, number, says, saidMs }: Talk): number {
  if (acknowledged >= number) return Infinity;
  if (says === 0) return -Infinity;
  const [, gapMs] = again.find(([times]) => says <= times) ?? [0, seldomMs];
  return saidMs + gapMs;
}
