import type { LogFrame } from "../logs/types.ts";
import { HomieError } from "../resources/errors.ts";
import { StrangeAnswer } from "./client.ts";
import type { Client } from "./client.ts";
import { readFrames } from "./log-reading.ts";
import type { LogPlace, LogProgress } from "./log-reading.ts";
import type { Terminal } from "./terminal.ts";

const pauseMs = 500;
/** Rounds without a byte before giving up: half a minute, in which a daemon restarts easily. */
const maxSilentRounds = 60;

export interface FollowedLog {
  readonly terminal: Terminal;
  readonly client: Client;
  /** Of the job's log. */
  readonly path: string;
  /** Only this attempt; undefined: the newest, and those after it. */
  readonly attempt: number | undefined;
  /** Where to begin, counted from the end. */
  readonly tailLines: number | undefined;
}

/**
 * Follows until the job is over. What breaks off before is taken up again at the byte where it broke. `print` also gets
 * the number of the attempt a frame belongs to.
 */
export async function followLog(
  log: FollowedLog,
  progress: LogProgress,
  print: (frame: LogFrame, attempt: number) => Promise<void>,
): Promise<void> {
  const { terminal, client, path } = log;
  for (let silentRounds = 0; silentRounds < maxSilentRounds; silentRounds += 1) {
    const reached = { ...progress };
    const place = planPlace(log, reached);
    if (place === "over") return;
    try {
      for await (const frame of readFrames(client, path, place, progress)) await print(frame, progress.attempt ?? 1);
      return;
    } catch (error) {
      if (isOver(error, reached)) return;
      if (!isBreak(error) || terminal.interrupt.aborted) throw error;
    }
    if (progress.offset !== reached.offset || progress.attempt !== reached.attempt) silentRounds = 0;
    if (silentRounds === 0) await terminal.errors.write("the connection to the log broke off; taking it up again\n");
    await terminal.sleep(pauseMs, terminal.interrupt);
  }
  throw new HomieError("DaemonUnavailable", "the log broke off before its end", {
    hint: "look at `homie status`, then run the command again",
  });
}

function isBreak(error: unknown): boolean {
  return error instanceof HomieError && error.code === "DaemonUnavailable" && !(error instanceof StrangeAnswer);
}

/** After the end mark of one attempt, "not found" means that there was no other. */
function isOver(error: unknown, reached: LogProgress): boolean {
  return error instanceof HomieError && error.code === "NotFound" && reached.offset === 0;
}

/** Where to go on; "over" when the end mark of the one attempt that was asked for has been read. */
function planPlace({ attempt, tailLines }: FollowedLog, { attempt: reached, offset }: LogProgress): LogPlace | "over" {
  if (offset === undefined) return { attempt, tailLines, follow: true };
  if (attempt === undefined) return { fromAttempt: reached, from: offset, follow: true };
  return reached !== undefined && reached > attempt ? "over" : { attempt, from: offset, follow: true };
}
