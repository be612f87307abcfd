import { formatBytes, formatCpu } from "../resources/quantities.ts";
import type { Candidate, Placement } from "./place-job.ts";
import { unitOf } from "./refusal.ts";
import type { Amount, Refusal, RefusalReason } from "./refusal.ts";
import { startSeconds, termNames } from "./score.ts";
import type { TermName } from "./score.ts";

/** One line of `homie why`: one peer. Plain data; columns and colours are the command line's. */
export interface PlacementRow {
  readonly peer: string;
  readonly verdict: "chosen" | "possible" | "refused";
  /** 0 to 100; absent for a refused peer. */
  readonly score?: number;
  /** Points by term, penalties below zero; absent for a refused peer. */
  readonly terms?: Readonly<Record<TermName, number>>;
  /** Why, in one line without the peer's name. */
  readonly because: string;
  /** What would help; absent where there is nothing to help with. */
  readonly hint?: string;
}

/** The decision as it stands in Job.status.placement; assignable to JobPlacement. */
export interface PlacementStatus {
  readonly decidedAt: string;
  readonly chosen?: CandidateStatus;
  readonly others: readonly CandidateStatus[];
  readonly rejected: readonly RejectionStatus[];
  readonly [field: string]: unknown;
}
interface CandidateStatus {
  readonly peer: string;
  readonly score: number;
  readonly terms: Readonly<Record<TermName, number>>;
  readonly because: string;
}
interface RejectionStatus extends RefusalStatus {
  readonly peer: string;
  /** What else keeps it away. */
  readonly also?: readonly RefusalStatus[];
}
interface RefusalStatus {
  readonly reason: RefusalReason;
  readonly need: string;
  readonly free: string;
  readonly hint: string;
}

/** The chosen peer, then those that could have taken it, best first, then those that could not, by name. */
export function renderPlacement({ chosen, others, rejected }: Placement): readonly PlacementRow[] {
  return [
    ...(chosen === undefined ? [] : [candidateRow("chosen", chosen, chosenReason(chosen, others))]),
    ...others.map((other) => candidateRow("possible", other, otherReason(other, chosen))),
    ...rejected.map(({ peer, refusals }) => ({
      peer,
      verdict: "refused" as const,
      because: refusals.map(sentence).join("; "),
      ...hintOf(refusals),
    })),
  ];
}

export function placementStatus(placement: Placement, decidedAt: string): PlacementStatus {
  const { chosen, others, rejected } = placement;
  return {
    decidedAt,
    ...(chosen === undefined ? {} : { chosen: candidateStatus(chosen, chosenReason(chosen, others)) }),
    others: others.map((other) => candidateStatus(other, otherReason(other, chosen))),
    rejected: rejected.flatMap(({ peer, refusals: [first, ...more] }) =>
      first === undefined ? [] : rejectionStatus(peer, first, more),
    ),
  };
}

function candidateRow(verdict: "chosen" | "possible", candidate: Candidate, because: string): PlacementRow {
  return { peer: candidate.peer, verdict, score: candidate.score, terms: inPoints(candidate), because };
}

function candidateStatus(candidate: Candidate, because: string): CandidateStatus {
  return { peer: candidate.peer, score: candidate.score, terms: inPoints(candidate), because };
}

function refusalStatus({ reason, need, free, hint }: Refusal): RefusalStatus {
  return { reason, need: show(reason, need), free: show(reason, free), hint };
}

function rejectionStatus(peer: string, first: Refusal, more: readonly Refusal[]): RejectionStatus {
  return { peer, ...refusalStatus(first), ...(more.length === 0 ? {} : { also: more.map(refusalStatus) }) };
}

/** The first refusal tells most, and so does what helps against it. */
function hintOf([first]: readonly Refusal[]): { readonly hint?: string } {
  return first === undefined ? {} : { hint: first.hint };
}

function inPoints({ terms }: Candidate): Readonly<Record<TermName, number>> {
  const entries = termNames.map((name, place) => [name, (terms[place] ?? 0) / 10]);
  return Object.fromEntries(entries) as Record<TermName, number>;
}

function chosenReason({ because }: Candidate, others: readonly Candidate[]): string {
  if (because === "lastResort") return "own machine: no other peer can take it";
  const tied = others.filter((other) => other.because === "drawn").length;
  if (because === "drawn") return `within one point of ${tied} other${tied === 1 ? "" : "s"}, drawn by hash`;
  if (others.length === 0) return "the only peer that can take it";
  // The own machine stands back whatever its score is.
  return others.every((other) => other.because === "lastResort")
    ? "the only other machine that can take it"
    : "highest score";
}

const shortfalls: Record<TermName, string> = {
  fit: "less room left",
  idle: "busier",
  start: "slower start",
  speed: "slower in past runs",
  reliability: "failed more often",
  affinity: "less preferred",
  failedBefore: "this Job failed there",
  idleGpu: "its free GPU is kept for Jobs that need one",
  battery: "on battery",
  relayed: "reached through a relay",
};

function otherReason(other: Candidate, chosen: Candidate | undefined): string {
  if (other.because === "lastResort") return "own machine: only when no other peer can take it";
  if (other.because === "drawn" || chosen === undefined)
    return "within one point of the chosen one, which was drawn by hash";
  const [term, behind] = widestGap(inPoints(other), inPoints(chosen));
  const start = term === "start" ? `: ${startText(other)}` : "";
  return `${shortfalls[term]}${start} (${term}: ${behind.toFixed(1)} points behind)`;
}

/** The term by which it is furthest behind, and how far. */
function widestGap(
  mine: Readonly<Record<TermName, number>>,
  best: Readonly<Record<TermName, number>>,
): readonly [TermName, number] {
  const gaps = termNames.map((term) => [term, best[term] - mine[term]] as const);
  return gaps.reduce((widest, gap) => (gap[1] > widest[1] ? gap : widest));
}

function startText({ facts }: Candidate): string {
  const needed = startSeconds(facts);
  const seconds = needed < 10 ? needed.toFixed(1) : String(Math.round(needed));
  return facts.missingBytes === 0
    ? `${seconds} s away`
    : `${formatBytes(facts.missingBytes)} missing there, ${seconds} s`;
}

function sentence({ reason, need, free }: Refusal): string {
  return `${reason}: needs ${show(reason, need)}, has ${show(reason, free)}`;
}

function show(reason: RefusalReason, amount: Amount): string {
  if (typeof amount === "string") return amount;
  switch (unitOf(reason)) {
    case "bytes":
      return formatBytes(amount);
    case "cores":
      return formatCpu(amount);
    case "left":
      return `${Math.ceil(amount)} s left`;
    case "silent":
      return `silent for ${Math.round(amount)} s`;
    case "count":
      return String(amount);
  }
}
