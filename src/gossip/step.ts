import { Draft } from "./draft.ts";
import { pickNeighbours } from "./neighbours.ts";
import { refreshMs, isNews } from "./news.ts";
import { receive, fullBudget } from "./receive.ts";
import { compareVersions, keyOf } from "./register.ts";
import { sample } from "./random.ts";
import { digestMs, type GossipInput, type GossipState, type GossipStep } from "./state.ts";
import type { SignedRecord } from "../trust/record.ts";

/** Inputs carry the time, monotonic, and one random number from 0 up to 1. */
export interface Moment {
  readonly nowMs: number;
  readonly random: number;
}

/** What a machine does about one input. Pure: the same arguments give the same answer, and nothing else happens. */
export function stepGossip(state: GossipState, input: GossipInput, { nowMs, random }: Moment): GossipStep {
  const draft = new Draft(state, nowMs, random);
  switch (input.kind) {
    case "tick":
      break;
    case "links":
      changeLinks(draft, input.linked, input.members);
      break;
    case "own":
      publish(draft, input.signed);
      break;
    case "message":
      receive(draft, input.from, input.message);
      break;
  }
  draft.askAgain();
  draft.releaseHeld();
  if (draft.links.size > 0 && draft.digestMs <= nowMs) sendDigest(draft);
  return draft.seal();
}

function changeLinks(draft: Draft, linked: readonly string[], members: readonly string[]): void {
  const { own } = draft.before.setup;
  const others = new Set(linked.filter((node) => node !== own));
  draft.members = new Set(members.map(keyOf));
  for (const node of draft.links.keys())
    if (!others.has(node)) {
      draft.links.delete(node);
      draft.dropOutbox(node);
    }
  for (const node of others)
    if (!draft.links.has(node)) {
      draft.links.set(node, { checks: fullBudget, atMs: draft.nowMs });
      // Whoever was cut off catches up at once.
      draft.outbox(node).digest = true;
      draft.hurry();
    }
  draft.picks = pickNeighbours(own, [...others], draft.picks, draft.random);
}

/** Of all the records that heartbeats carry only those are told that say something new, or that are due. */
function publish(draft: Draft, signed: SignedRecord): void {
  const known = draft.registers.get(draft.ownKey);
  if (known !== undefined && compareVersions(signed.record, known.signed.record) < 0) {
    draft.outputs.push({ kind: "outrun", bytes: known.signed.bytes });
    return;
  }
  const isDue =
    known === undefined || draft.nowMs - known.heardMs >= refreshMs(draft.registers.size) * draft.refreshShare;
  if (!isDue && !isNews(known.signed.record, signed.record)) return;
  draft.refreshShare = 0.5 + draft.random();
  draft.learn(signed, draft.nowMs);
}

/** One random machine is asked whether it knows the same; often while things change, seldom while nothing does. */
function sendDigest(draft: Draft): void {
  const { most, least } = digestMs;
  const linked = [...draft.links.keys()];
  const [partner] = sample(linked, 1, draft.random);
  if (partner !== undefined) draft.outbox(partner).digest = true;
  draft.intervalMs = draft.calm ? Math.min(most, draft.intervalMs * 2) : least;
  draft.calm = true;
  draft.digestMs = draft.nowMs + draft.intervalMs * (0.75 + draft.random() / 2);
  const [, ...rest] = sample(draft.picks, draft.picks.length, draft.random);
  draft.picks = pickNeighbours(draft.before.setup.own, linked, rest, draft.random);
}
