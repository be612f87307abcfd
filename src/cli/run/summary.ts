import { isAbsolute, relative, resolve, sep } from "node:path";
import type { CollectedFile, JobSpec, JobStatus } from "../../resources/job.ts";
import type { BoxRow } from "../render/box.ts";
import { renderBytes, renderDuration } from "../render/duration.ts";
import type { ApiObject } from "../render/objects.ts";

export interface Summary {
  readonly title: string;
  readonly rows: readonly BoxRow[];
}

const shownFiles = 20;

/** How a job ended and what came home; `directory` is where the reader is. Pure. */
export function summarizeRun(job: ApiObject, directory: string): Summary {
  const status = (job.status ?? {}) as JobStatus;
  const { phase = "Unknown", peer, exitCode, message = "", attempt = 1 } = status;
  const says = phase !== "Succeeded" && message !== `exit code ${exitCode}` ? message : "";
  const facts = {
    why: says,
    peer: peer !== undefined && attempt > 1 ? `${peer} (attempt ${attempt})` : (peer ?? ""),
    runtime: renderRuntime(runtimeMs(status)),
    "exit code": exitCode === undefined ? "" : String(exitCode),
  };
  const rows: BoxRow[] = Object.entries(facts).filter(([, text]) => text !== "");
  const files = fileRows(status, (job.spec ?? {}) as JobSpec, directory);
  return { title: `job/${job.metadata.name} ${phase.toLowerCase()}`, rows: [...rows, ...files] };
}

function runtimeMs({ timings, startTime, completionTime }: JobStatus): number | undefined {
  const seconds = timings?.["runSeconds"];
  if (seconds !== undefined) return seconds * 1000;
  if (timings?.["runningMs"] !== undefined) return timings["runningMs"];
  if (startTime === undefined || completionTime === undefined) return undefined;
  return Math.max(0, Date.parse(completionTime) - Date.parse(startTime));
}

function renderRuntime(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  return milliseconds < 10_000 ? `${Number((milliseconds / 1000).toFixed(1))}s` : renderDuration(milliseconds);
}

function fileRows(
  { outputs = [], outputsPath = "/", conditions = [] }: JobStatus,
  spec: JobSpec,
  here: string,
): BoxRow[] {
  const wanted = (spec.outputs ?? []).flatMap(({ to }) => (to === undefined ? [] : [to]));
  const found = outputs.map((file) => ({ ...file, at: resolve(outputsPath, file.path) }));
  const isHome = ({ at }: { readonly at: string }): boolean =>
    wanted.length === 0 || wanted.some((to) => isBelow(at, to));
  const home = found.filter(isHome);
  const elsewhere = found.filter((file) => !isHome(file));
  const condition = conditions.find(({ type }) => type === "OutputsCollected");
  const remarks = (condition?.message ?? "")
    .split("; ")
    .slice(1)
    .map((remark) => shortRemark(remark, here));
  return [
    ...listFiles("downloaded", home, here),
    ...listFiles("kept apart", elsewhere, here),
    ...remarks.map((remark) => `  ${remark}`),
    ...(condition?.reason === "Diverted" ? ["  --force lets the next run overwrite what was there"] : []),
  ];
}

/** "a.txt: HERE/a.txt was there and ..." says its path twice. */
function shortRemark(remark: string, here: string): string {
  const near = remark.replaceAll(here.endsWith(sep) ? here : here + sep, "");
  const [path = "", ...because] = near.split(": ");
  return because.join(": ").startsWith(`${path} `) ? because.join(": ") : near;
}

type Found = CollectedFile & { readonly at: string };

function listFiles(label: string, files: readonly Found[], here: string): readonly BoxRow[] {
  if (files.length === 0) return [];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const shown = files
    .slice(0, shownFiles)
    .map((file): [string, string] => [renderBytes(file.bytes), shortPath(file.at, here)]);
  const width = Math.max(...shown.map(([size]) => size.length));
  return [
    [label, `${files.length} ${files.length === 1 ? "file" : "files"}, ${renderBytes(bytes)}`],
    ...shown.map(([size, path]) => `  ${size.padStart(width)}  ${path}`),
    ...(files.length > shownFiles ? [`  ... and ${files.length - shownFiles} more`] : []),
  ];
}

/** As one would type it. */
function shortPath(path: string, here: string): string {
  return isBelow(path, here) ? relative(here, path) : path;
}

function isBelow(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
