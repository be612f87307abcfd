import type { HistoryEntry } from "../../store/types.ts";
import { renderAge, renderDuration } from "./duration.ts";

export const historyHeaders: readonly string[] = [
  "Job",
  "Attempt",
  "Peer",
  "Role",
  "Phase",
  "Exit",
  "Ran",
  "Files",
  "Ended",
  "Why",
];

/** One line of `homie history`; what is not known is "-". */
export function historyRow(entry: HistoryEntry, now: Date): readonly (string | number)[] {
  const ended = entry.endTime ?? entry.startTime;
  return [
    entry.job,
    entry.attempt,
    entry.peer,
    entry.role,
    entry.phase,
    entry.exitCode ?? "-",
    entry.runtimeSeconds === undefined ? "-" : renderSeconds(entry.runtimeSeconds),
    entry.outputs,
    ended === undefined ? "-" : `${renderAge(ended, now)} ago`,
    entry.error ?? "-",
  ];
}

/** Counts of some attempts; field names are a scripting contract. */
export interface HistoryTotals {
  readonly runs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Of those that succeeded or failed; absent where none did. */
  readonly successPercent?: number;
  readonly totalRuntimeSeconds: number;
  /** Absent where none was measured. */
  readonly medianRuntimeSeconds?: number;
  /** Files that came home. */
  readonly files: number;
}
export interface HistoryStats {
  /** By name. */
  readonly peers: readonly (HistoryTotals & { readonly peer: string })[];
  readonly all: HistoryTotals;
}

export function summarizeHistory(entries: readonly HistoryEntry[]): HistoryStats {
  const groups = [...Map.groupBy(entries, ({ peer }) => peer)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { peers: groups.map(([peer, own]) => ({ peer, ...totalsOf(own) })), all: totalsOf(entries) };
}

function totalsOf(entries: readonly HistoryEntry[]): HistoryTotals {
  const count = (phase: string): number => entries.filter((entry) => entry.phase === phase).length;
  const [succeeded, failed] = [count("Succeeded"), count("Failed")];
  const runtimes = entries.flatMap(({ runtimeSeconds }) => runtimeSeconds ?? []).toSorted((a, b) => a - b);
  const median = medianOf(runtimes);
  return {
    runs: entries.length,
    succeeded,
    failed,
    cancelled: count("Cancelled"),
    ...(succeeded + failed === 0 ? {} : { successPercent: rounded((100 * succeeded) / (succeeded + failed)) }),
    totalRuntimeSeconds: rounded(runtimes.reduce((sum, one) => sum + one, 0)),
    ...(median === undefined ? {} : { medianRuntimeSeconds: rounded(median) }),
    files: entries.reduce((sum, { outputs }) => sum + outputs, 0),
  };
}

function medianOf(ascending: readonly number[]): number | undefined {
  const upper = ascending[Math.floor(ascending.length / 2)];
  const lower = ascending[Math.ceil(ascending.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** To the millisecond: sums of such numbers are longer by themselves. */
function rounded(value: number): number {
  return Number(value.toFixed(3));
}

export const statsHeaders: readonly string[] = [
  "Peer",
  "Runs",
  "Succeeded",
  "Failed",
  "Success",
  "Total",
  "Median",
  "Files",
];

export function statsRows({ peers, all }: HistoryStats): readonly (readonly (string | number)[])[] {
  const row = (name: string, totals: HistoryTotals): readonly (string | number)[] => [
    name,
    totals.runs,
    totals.succeeded,
    totals.failed,
    totals.successPercent === undefined ? "-" : `${Math.round(totals.successPercent)}%`,
    renderSeconds(totals.totalRuntimeSeconds),
    totals.medianRuntimeSeconds === undefined ? "-" : renderSeconds(totals.medianRuntimeSeconds),
    totals.files,
  ];
  return [...peers.map((one) => row(one.peer, one)), row("(all)", all)];
}

function renderSeconds(seconds: number): string {
  return seconds < 10 ? `${Number(seconds.toFixed(1))}s` : renderDuration(seconds * 1000);
}
