import type { Attempt, AttemptReason } from "../../resources/attempt.ts";
import type { CollectOutcome, RuntimeFacts } from "./ports.ts";

export interface Ending {
  readonly reason: AttemptReason;
  readonly message: string;
}

/** What there is to say of a program that has ended. */
export type Exited = Extract<RuntimeFacts, { phase: "exited" }>;

/** 128 + SIGXFSZ: the program wrote past the file size limit (`ulimit -f`, which homie sets to the disk limit). */
const exitFileTooLarge = 153;

/** Why a program that ran has ended. A stop that homie asked for explains whatever exit code came of it. */
export function classifyEnding(attempt: Attempt, facts: Exited, collected?: CollectOutcome): Ending {
  if (facts.startError !== undefined) return { reason: "StartFailed", message: facts.startError };
  const stopped = attempt.status?.stopIntent;
  if (stopped !== undefined) return { reason: stopped.reason, message: stopped.message };
  if (facts.oomKilled) return { reason: "OutOfMemory", message: outOfMemory(attempt) };
  if (facts.signal !== undefined) return { reason: "Signalled", message: `ended by ${facts.signal}` };
  if (facts.exitCode === exitFileTooLarge) {
    return {
      reason: "DiskFull",
      message: `exit code 153 (SIGXFSZ): a file grew past the disk limit of ${attempt.spec.resources.diskBytes} bytes`,
    };
  }
  if (facts.exitCode !== 0) return { reason: "Error", message: describeExit(facts.exitCode) };
  if (collected?.violation !== undefined) return collected.violation;
  return { reason: "Completed", message: "exit code 0" };
}

/** A shell, and a container engine, say 128 + n for a program that signal n ended; a program may leave with that code by itself. */
const signals: Readonly<Record<number, string>> = {
  129: "SIGHUP",
  130: "SIGINT",
  132: "SIGILL",
  134: "SIGABRT",
  135: "SIGBUS",
  136: "SIGFPE",
  137: "SIGKILL",
  139: "SIGSEGV",
  141: "SIGPIPE",
  143: "SIGTERM",
};

function describeExit(exitCode: number): string {
  const signal = signals[exitCode];
  return signal === undefined ? `exit code ${exitCode}` : `exit code ${exitCode}, which is also what ${signal} leaves`;
}

function outOfMemory(attempt: Attempt): string {
  const mebibytes = Math.round(attempt.spec.resources.memoryBytes / 2 ** 20);
  return `needed more than its ${mebibytes} MiB of memory; raise spec.resources.memory`;
}
