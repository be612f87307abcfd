import { renderAge } from "./duration.ts";
import { renderValue } from "./jsonpath.ts";
import { safeLine } from "./safe-text.ts";
import { renderTable } from "./table.ts";
import type { TableOptions } from "./table.ts";

/** Job.status.placement, and what POST /homie/v1/placements answers, as far as it is shown. */
export interface PlacementView {
  readonly decidedAt?: string;
  readonly chosen?: CandidateView;
  readonly others?: readonly CandidateView[];
  readonly rejected?: readonly RejectionView[];
}
interface CandidateView {
  readonly peer: string;
  readonly score?: number;
  readonly terms?: Readonly<Record<string, number>>;
  readonly because?: string;
}
interface RefusalView {
  readonly reason: string;
  readonly need?: string;
  readonly free?: string;
  readonly hint?: string;
}
interface RejectionView extends RefusalView {
  readonly peer: string;
  readonly also?: readonly RefusalView[];
}

/** With both lists, whatever a daemon left out; undefined where there is no decision. */
export function readPlacement(value: unknown): PlacementView | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { others = [], rejected = [], ...rest } = value as PlacementView;
  return { ...rest, others, rejected };
}

/** Why this peer and no other: scores term by term, then why the rest cannot, then what would help. */
export function renderPlacement(placement: PlacementView, options: TableOptions = {}): string {
  const { chosen, others = [], rejected = [] } = placement;
  const able = [...(chosen === undefined ? [] : [chosen]), ...others];
  const parts = [
    able.length === 0 ? "" : renderScores(able, options),
    able.length === 0 ? "" : renderReasons(able, chosen),
    rejected.length === 0 ? "" : `Cannot take it:\n${renderRejected(rejected, options)}`,
    renderHints(rejected),
  ];
  const shown = parts.filter((part) => part !== "");
  return shown.length === 0 ? "no machine to choose from\n" : shown.join("\n");
}

/** When it was decided, for a heading; empty where that is not known. */
export function renderDecision({ decidedAt }: PlacementView, now: Date): string {
  return decidedAt === undefined ? "" : `decided ${renderAge(decidedAt, now)} ago`;
}

const terms = ["fit", "idle", "start", "speed", "reliability", "affinity"];

/** The terms everybody has, and of the penalties and of terms of a later version those that somebody has. */
function renderScores(able: readonly CandidateView[], options: TableOptions): string {
  const extra = new Set(able.flatMap((one) => Object.entries(one.terms ?? {}).flatMap(([name, n]) => (n ? name : []))));
  const scored = able.some((one) => one.terms !== undefined);
  const names = scored ? [...terms, ...[...extra].filter((name) => !terms.includes(name))] : [];
  const rows = able.map((one) => [
    one.peer,
    points(one.score),
    ...names.map((name) => points(Object.hasOwn(one.terms ?? {}, name) ? one.terms?.[name] : undefined)),
  ]);
  return renderTable(["Peer", "Score", ...names], rows, options);
}

function points(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toFixed(1))) : "-";
}

function renderReasons(able: readonly CandidateView[], chosen: CandidateView | undefined): string {
  const lines = able.map((one) => {
    const because = typeof one.because === "string" ? `: ${one.because}` : "";
    return one === chosen ? `  * ${one.peer} is chosen${because}` : `    ${one.peer}${because || ": possible"}`;
  });
  return lines.map((line) => `${safeLine(line)}\n`).join("");
}

function renderRejected(rejected: readonly RejectionView[], options: TableOptions): string {
  const rows = rejected.flatMap((one) =>
    [one, ...(one.also ?? [])].map(({ reason, need, free }) => [one.peer, reason, amount(need), amount(free)]),
  );
  return indent(renderTable(["Peer", "Reason", "Needs", "Has"], rows, narrowed(options, 2)));
}

function amount(value: unknown): string {
  return value === undefined || value === "" ? "-" : renderValue(value);
}

/**
 * What helps against the most telling reason, which is the first; the same advice for several machines once. It is prose,
 * so the terminal breaks it and nothing is cut.
 */
function renderHints(rejected: readonly RejectionView[]): string {
  const advised = rejected.flatMap(({ peer, hint }) => (typeof hint === "string" && hint !== "" ? { hint, peer } : []));
  const hints = Map.groupBy(advised, ({ hint }) => hint);
  if (hints.size === 0) return "";
  const lines = [...hints].map(([hint, of]) => `  ${of.map(({ peer }) => peer).join(", ")}: ${hint}`);
  return `What would help:\n${lines.map((line) => `${safeLine(line)}\n`).join("")}`;
}

function narrowed(options: TableOptions, columns: number): TableOptions {
  const { maxWidth = 0 } = options;
  return maxWidth > columns ? { ...options, maxWidth: maxWidth - columns } : options;
}

function indent(block: string): string {
  return block.replace(/^(?=.)/gmu, "  ");
}
