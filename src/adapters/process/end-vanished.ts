import { constants } from "node:os";
import { replaceFile } from "../project/replace-file.ts";
import type { AttemptRecord, ProcessPaths } from "./attempt-record.ts";
import { readJson, timestamp } from "./attempt-record.ts";
import { isAlive, signalGroup } from "./process-identity.ts";
import { killStrays } from "./strays.ts";

/**
 * The supervisor is gone without a record of the exit: killed, or the machine went down. Nobody reads the program's
 * pipes or knows its exit code any more, so the program is killed too, and that is what is recorded as its end.
 */
export async function endVanished(paths: ProcessPaths, now: Date): Promise<AttemptRecord> {
  // Read again: it may have written its last word between the first look and its end.
  const record = readJson<AttemptRecord>(paths.record);
  if (record === undefined) throw new Error(`the record ${paths.record} went away`);
  if (record.exit !== undefined) return record;
  if (record.program !== undefined && isAlive(record.program)) signalGroup(record.program.pid, "SIGKILL");
  killStrays(paths.temporary);
  const ended: AttemptRecord = {
    ...record,
    exit: { exitCode: 128 + constants.signals.SIGKILL, signal: "SIGKILL", finishedAt: timestamp(now) },
  };
  await replaceFile(paths.record, JSON.stringify(ended));
  return ended;
}
