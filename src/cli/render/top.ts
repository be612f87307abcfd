import type { LimitsStatus } from "../../resources/limits.ts";
import type { PeerStatus } from "../../resources/peer.ts";
import { formatCpu } from "../../resources/quantities.ts";
import { attemptHeaders, attemptRow } from "./attempts.ts";
import type { AttemptView } from "./attempts.ts";
import { plain } from "./colours.ts";
import type { Paint } from "./colours.ts";
import { renderBytes } from "./duration.ts";
import { renderMilliseconds } from "./peer-words.ts";
import { safeLine } from "./safe-text.ts";
import { truncateToWidth } from "./string-width.ts";
import { renderTable } from "./table.ts";

/** What `homie top -o json` prints; field names are a scripting contract. */
export interface TopView {
  readonly time: string;
  /** What this machine is called. */
  readonly name: string;
  /** What jobs may have of this machine, and what they hold; from Limits. */
  readonly lent: Pick<LimitsStatus, "allocatable" | "allocated">;
  readonly peers: readonly PeerView[];
  readonly jobs: readonly AttemptView[];
}
export interface PeerView extends Omit<PeerStatus, "observedGeneration" | "conditions" | "name"> {
  /** Of the Peer object. */
  readonly name: string;
  /** What it calls itself. */
  readonly calledName?: string;
}
export type TopSection = "peers" | "jobs";

const peerHeaders: readonly string[] = ["Peer", "Status", "CPU", "Memory", "GPU", "Jobs", "RTT"];

export interface TopLayout {
  readonly sections: readonly TopSection[];
  /** 0: never cut. */
  readonly columns: number;
  /** Absent: as many as it takes. */
  readonly rows?: number;
  readonly paint?: Paint;
  /** One line for what is wrong just now. */
  readonly remark?: string;
}

/** One frame: a line about this machine, then a table a section. */
export function renderTop(view: TopView, layout: TopLayout): string {
  const { columns, rows, paint = plain, remark } = layout;
  const now = new Date(view.time);
  const head = [cut(renderOwn(view), columns), ...(remark === undefined ? [] : [cut(safeLine(remark), columns)])];
  const tables = layout.sections.map((section) => {
    const [headers, cells, empty] =
      section === "peers"
        ? [peerHeaders, view.peers.map(peerRow), "no other machine yet"]
        : [attemptHeaders, view.jobs.map((job) => attemptRow(job, now)), "no job under way"];
    if (cells.length === 0) return [empty];
    return renderTable(headers, cells, { maxWidth: columns, paint }).trimEnd().split("\n");
  });
  const room = rows === undefined ? undefined : rows - head.length - tables.length;
  const shown = room === undefined ? tables : shareRows(tables, room);
  const lines = [...head, ...shown.flatMap((table) => ["", ...table])];
  return lines
    .slice(0, rows)
    .map((line) => `${line}\n`)
    .join("");
}

function renderOwn({ name, lent, jobs, time }: TopView): string {
  const { allocatable, allocated } = lent;
  const held =
    allocatable === undefined
      ? ""
      : ` · lends ${formatCpu(allocated?.cpu ?? 0)}/${formatCpu(allocatable.cpu)} cpu, ${renderBytes(allocated?.memoryBytes ?? 0)}/${renderBytes(allocatable.memoryBytes)} memory`;
  return `${safeLine(name)}${held} · ${jobs.length} under way · ${time.slice(11, 19)} UTC`;
}

function peerRow(peer: PeerView): readonly (string | number)[] {
  const { cpuCount, cpuUsedPercent, memoryTotal, memoryFree, gpus = [] } = peer.resources ?? {};
  return [
    peer.calledName ?? peer.name,
    peer.phase ?? "-",
    cpuCount === undefined ? "-" : `${percent(cpuUsedPercent)} of ${cpuCount}`,
    usedOf(memoryTotal, memoryFree),
    gpus.length === 0 ? "-" : `${percent(meanUse(gpus))} of ${gpus.length}`,
    peer.jobs ?? "-",
    peer.path?.rttMs === undefined ? "-" : renderMilliseconds(peer.path.rttMs),
  ];
}

function usedOf(total: number | undefined, free: number | undefined): string {
  if (total === undefined) return "-";
  return `${free === undefined ? "?" : renderBytes(total - free)}/${renderBytes(total)}`;
}

/** Of all together; a card that tells nothing counts as idle. */
function meanUse(gpus: readonly { readonly usedPercent?: number }[]): number | undefined {
  const known = gpus.flatMap(({ usedPercent }) => usedPercent ?? []);
  return known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / gpus.length;
}

function percent(value: number | undefined): string {
  return value === undefined ? "?" : `${Math.round(value)}%`;
}

/** Each table gets its share of the lines, and what another leaves over; one that is cut says by how much. */
function shareRows(tables: readonly (readonly string[])[], room: number): readonly (readonly string[])[] {
  const share = Math.max(0, Math.floor(room / tables.length));
  let over = room - tables.reduce((sum, { length }) => sum + Math.min(length, share), 0);
  return tables.map((lines) => {
    const own = Math.min(lines.length, share);
    const more = Math.max(0, Math.min(lines.length - own, over));
    over -= more;
    return cutLines(lines, own + more);
  });
}

function cutLines(lines: readonly string[], count: number): readonly string[] {
  if (lines.length <= count) return lines;
  return count < 2 ? lines.slice(0, count) : [...lines.slice(0, count - 1), `… ${lines.length - count + 1} more`];
}

function cut(line: string, columns: number): string {
  return columns > 0 ? truncateToWidth(line, columns) : line;
}
