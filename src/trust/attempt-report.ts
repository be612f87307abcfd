import type { AttemptReason, AttemptReport, StagedOutput } from "../resources/attempt.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import { FieldReader } from "./field-reader.ts";
import { inertText } from "./inert-text.ts";

const phases = ["Created", "Staging", "Running", "Collecting", "Finished"] as const;
const reasons: readonly AttemptReason[] = [
  "Completed",
  "Error",
  "Signalled",
  "OutOfMemory",
  "DiskFull",
  "Timeout",
  "Cancelled",
  "Deleted",
  "Superseded",
  "Suspended",
  "ImageMissing",
  "StageFailed",
  "StartFailed",
  "OutputMissing",
  "OutputTooLarge",
  "ContainerLost",
  "ReservationLost",
  "LeaseExpired",
];
const time = { max: 40, pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/ };
const sha256 = { max: 64, pattern: /^[0-9a-f]{64}$/ };
const maxOutputs = 100_000;
export interface ReportRules {
  /** How many output rules the attempt has. */
  readonly rules: number;
  /** More than this is never fetched. */
  readonly maxOutputBytes: number;
  /** What is wrong with the name of a file, or undefined. */
  readonly nameProblem: (path: string) => string | undefined;
}

/** What an executor says of an attempt, or what is wrong with it. Paths, sizes and hashes are claims until fetched. */
export function parseAttemptReport(value: unknown, rules: ReportRules): AttemptReport | string {
  const read = new FieldReader(value);
  const report = readReport(read, rules);
  return read.problem ?? report;
}

function readReport(read: FieldReader, rules: ReportRules): AttemptReport {
  const outputs = read.has("outputs") ? readOutputs(read, rules) : undefined;
  const moment = (name: string): string | undefined => readTime(read, name);
  return withoutUndefined({
    phase: read.oneOf("phase", phases),
    createdAt: moment("createdAt") ?? "1970-01-01T00:00:00Z",
    stagedAt: moment("stagedAt"),
    startedAt: moment("startedAt"),
    finishedAt: moment("finishedAt"),
    exitCode: read.optionalWhole("exitCode", -1, 2 ** 31),
    reason: read.has("reason") ? read.oneOf("reason", reasons) : undefined,
    message: inertOf(read, "message"),
    outputs,
    skippedOutputs: read.has("skippedOutputs") ? readSkipped(read) : undefined,
    logs: read.has("logs") ? readLogs(read.object("logs")) : undefined,
  });
}

function readTime(read: FieldReader, name: string): string | undefined {
  const text = read.optionalText(name, time);
  if (text !== undefined && Number.isNaN(Date.parse(text))) read.check(name, "is no time");
  return text;
}

function readOutputs(read: FieldReader, rules: ReportRules): readonly StagedOutput[] {
  const seen = new Set<string>();
  let total = 0;
  const outputs = read.objects("outputs", maxOutputs).map((each) => {
    const path = each.text("path", { max: 1_024 });
    each.check("path", rules.nameProblem(path));
    if (seen.has(path)) each.check("path", "is there twice");
    seen.add(path);
    const bytes = each.whole("bytes", 0, 2 ** 50);
    total += bytes;
    const rule = each.whole("rule", 0, Math.max(0, rules.rules - 1));
    return { path, bytes, sha256: each.text("sha256", sha256), rule, executable: each.flag("executable") };
  });
  if (total > rules.maxOutputBytes) read.check("outputs", `are ${total} bytes, more than ${rules.maxOutputBytes}`);
  return outputs;
}

function readSkipped(read: FieldReader): readonly { path: string; reason: string }[] {
  return read.objects("skippedOutputs", maxOutputs).map((each) => ({
    path: inertText(each.text("path", { max: 4_096 })),
    reason: inertText(each.text("reason", { max: 1_024 })),
  }));
}

function readLogs(read: FieldReader): NonNullable<AttemptReport["logs"]> {
  const count = (name: string): number => read.whole(name, 0, 2 ** 53 - 1);
  return { stdoutBytes: count("stdoutBytes"), stderrBytes: count("stderrBytes"), droppedBytes: count("droppedBytes") };
}

function inertOf(read: FieldReader, name: string): string | undefined {
  const text = read.optionalText(name, { max: 8_192 });
  return text === undefined ? undefined : inertText(text);
}
