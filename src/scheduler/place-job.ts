import { bestFirst } from "./best-first.ts";
import { refusalsOf } from "./filters.ts";
import type { PeerFacts } from "./peer-facts.ts";
import type { PlacementRequest } from "./placement-request.ts";
import type { Refusal } from "./refusal.ts";
import { rendezvousHash } from "./rendezvous-hash.ts";
import { scoreTerms, sumOf } from "./score.ts";
import type { Terms } from "./score.ts";

export interface Placement {
  /** Absent: nobody can take it, and `rejected` says why, peer by peer. */
  readonly chosen?: Candidate;
  /** Could have taken it, best first. */
  readonly others: readonly Candidate[];
  /** By name. */
  readonly rejected: readonly RejectedPeer[];
}

/** A peer that no filter refuses. */
export interface Candidate {
  readonly peer: string;
  /** 0 to 100. */
  readonly score: number;
  readonly terms: Terms;
  /**
   * `best`: has the highest score. `drawn`: by hash, among those within a point of it. `behind`: scored less; the terms
   * say by what. `lastResort`: the own machine, which stands back for everybody else.
   */
  readonly because: "best" | "drawn" | "behind" | "lastResort";
  /** What it was scored by. */
  readonly facts: PeerFacts;
}

export interface RejectedPeer {
  readonly node: string;
  readonly peer: string;
  /** The submitter itself. */
  readonly own: boolean;
  /** All of them, at least one, most telling first. */
  readonly refusals: readonly Refusal[];
}

/** Scores this near are the same; tenths of a point. Submitters with stale news then do not all run to one peer. */
const tieWidth = 10;
/** Keeps the own machine behind everybody else: scores are within 100 points, penalties within 50. Tenths of a point. */
const lastResortRank = -3_000;

/** What the answer is made of, while it is being made. */
type Draft = { -readonly [Field in keyof Candidate]: Candidate[Field] };

/**
 * Where the Job should run. Every peer goes through every filter and every survivor through every term, so the answer
 * explains itself; the order of `peers` makes no difference, their node ids are unique.
 */
export function placeJob(request: PlacementRequest, peers: readonly PeerFacts[], nowMs: number): Placement {
  const rejected: RejectedPeer[] = [];
  const able: PeerFacts[] = [];
  let fastestSeconds: number | undefined;
  let before: PeerFacts | undefined;
  for (const peer of peers) {
    // Callers keep them in order; who does not pays for it.
    if (before !== undefined && byName(before, peer) > 0) return placeJob(request, peers.toSorted(byName), nowMs);
    before = peer;
    const refusals = refusalsOf(request, peer, nowMs);
    if (refusals.length > 0) {
      rejected.push({ node: peer.node, peer: peer.name, own: peer.own, refusals });
      continue;
    }
    able.push(peer);
    const { runSeconds } = peer.history;
    if (runSeconds !== undefined && runSeconds > 0 && !(runSeconds >= (fastestSeconds ?? Infinity))) {
      fastestSeconds = runSeconds;
    }
  }
  const drafts: Draft[] = [];
  const ranks: number[] = [];
  for (const peer of able) {
    const terms = scoreTerms(request, peer, nowMs, fastestSeconds);
    const sum = sumOf(terms);
    drafts.push({ peer: peer.name, score: Math.max(0, sum) / 10, terms, because: "best", facts: peer });
    ranks.push(isLastResort(request, peer) ? sum + lastResortRank : sum);
  }
  return choose(request.uid, drafts, ranks, rejected);
}

/** Friends' machines first: that is what the crew is for. A Job that names the own machine means it. */
function isLastResort({ peer, preferredPeers }: PlacementRequest, { own, name }: PeerFacts): boolean {
  return own && peer !== name && !preferredPeers.includes(name);
}

function choose(
  uid: string,
  drafts: readonly Draft[],
  ranks: readonly number[],
  rejected: readonly RejectedPeer[],
): Placement {
  const order = bestFirst(ranks);
  const equals = tiedOnes(drafts, ranks, ranks[order[0] ?? 0] ?? -Infinity);
  const chosen = equals.length > 1 ? drawOne(uid, equals) : equals[0];
  if (chosen === undefined) return { others: [], rejected };
  const others: Candidate[] = [];
  for (const place of order) {
    const draft = drafts[place];
    if (draft !== undefined && draft !== chosen) others.push(draft);
  }
  return { chosen, others, rejected };
}

/** Those as good as the best; says of the others why they are not. */
function tiedOnes(drafts: readonly Draft[], ranks: readonly number[], best: number): readonly Draft[] {
  const equals: Draft[] = [];
  for (let place = 0; place < drafts.length; place += 1) {
    const draft = drafts[place];
    const rank = ranks[place] ?? -Infinity;
    if (draft === undefined) continue;
    if (rank < lastResortRank / 2) draft.because = "lastResort";
    else if (rank < best) draft.because = "behind";
    if (rank >= best - tieWidth) equals.push(draft);
  }
  return equals;
}

/** Who has the highest hash with the Job. */
function drawOne(uid: string, equals: readonly Draft[]): Draft | undefined {
  let winner: Draft | undefined;
  let highest = -1;
  for (const draft of equals) {
    draft.because = "drawn";
    const hash = rendezvousHash(uid, draft.facts.node);
    // By node id where hashes are equal, never by score: within a tie a changed score changes nothing.
    if (hash < highest || (hash === highest && draft.facts.node > (winner?.facts.node ?? ""))) continue;
    highest = hash;
    winner = draft;
  }
  return winner;
}

function byName(a: PeerFacts, b: PeerFacts): number {
  if (a.name < b.name) return -1;
  if (a.name > b.name) return 1;
  return a.node === b.node ? 0 : a.node < b.node ? -1 : 1;
}
