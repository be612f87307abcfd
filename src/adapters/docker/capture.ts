import type Docker from "dockerode";
import type { CaptureFacts } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { LogWriter } from "../logs/log-writer.ts";
import { resumeAfter } from "./already-captured.ts";
import type { OutputPiece } from "./demultiplex.ts";
import { createDemultiplexer } from "./demultiplex.ts";
import { isNotFound } from "./engine-error.ts";
import { AnswerTimeout, within } from "./within.ts";

/** Copies the output of one container into its log, in the background, until the container has ended. */
export interface Capture {
  facts(): CaptureFacts;
  /** A line of homie's own among the output; not while nobody writes it. */
  remark(text: string): void;
  /** Resolves, never rejects, when nothing is written any more. */
  readonly stopped: Promise<void>;
  /** Writes no further output. `finish` ends the log for good; without it another capture goes on later. */
  end(how: "finish" | "leave"): Promise<void>;
}

export interface CaptureParts {
  readonly container: Docker.Container;
  readonly writer: LogWriter;
  /** Attached before the start, so that it carries every byte; absent after a restart of the daemon. */
  readonly attached?: NodeJS.ReadableStream;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The output ends a moment before the engine has noticed the exit. */
const exitNoticedMs = 2_000;
/** Short, as a capture that waits for an answer is output that nobody sees. */
const answerMs = 3_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** How much of each stream's end must be equal in the engine's log before it is trusted to be the same output. */
const compareBytes = 4_096;

export function beginCapture(parts: CaptureParts): Capture {
  const { writer, log, container } = parts;
  const abort = new AbortController();
  let phase: CaptureFacts["phase"] = writer.isComplete ? "complete" : "live";

  async function run(): Promise<void> {
    try {
      if (writer.isComplete) {
        destroy(parts.attached);
        return await writer.close();
      }
      if (await copyUntilExit(parts, abort.signal)) await finish();
      else await leave();
    } catch (error) {
      // The log cannot be written, so reading on would lose output; the engine keeps it until somebody resumes.
      log.error("the log of an attempt cannot be written", { container: container.id, error });
      await leave();
    }
  }
  async function finish(): Promise<void> {
    await writer.finish();
    phase = "complete";
  }
  async function leave(): Promise<void> {
    await writer.close().catch((error: unknown) => log.error("the log of an attempt cannot be closed", { error }));
    // Last, because from here on another capture may open the log.
    if (phase !== "complete") phase = "none";
  }

  abort.signal.addEventListener("abort", () => destroy(parts.attached), { once: true });
  const stopped = run();
  return {
    facts: () => ({ phase, ...writer.counts() }),
    remark(text): void {
      if (phase === "live") writer.remark(text);
    },
    stopped,
    async end(how): Promise<void> {
      abort.abort(how);
      await stopped;
    },
  };
}

function destroy(stream: NodeJS.ReadableStream | undefined): void {
  (stream as { destroy?: () => void } | undefined)?.destroy?.();
}

/**
 * True when every byte of an ended container is in the log; false when told to leave. The attached stream's end proves
 * nothing: a connection that was cut ends the same way. So the last thing is always a pass over the engine's own log,
 * begun after the exit, because following a live one, Engine 20.10 drops a last line without line end.
 */
async function copyUntilExit(parts: CaptureParts, signal: AbortSignal): Promise<boolean> {
  let isTrusted = parts.attached !== undefined && (await copyAttached(parts, parts.attached, signal));
  let hasEnded = isTrusted;
  let hasGap = false;
  for (let pauseMs = firstPauseMs; !signal.aborted;) {
    try {
      const end = await waitForExit(parts, hasEnded ? exitNoticedMs : 0, signal);
      if (end === "absent" || (hasGap && end === "exited")) return true;
      // Running: cut off, or a program that closed its output and runs on.
      isTrusted &&= end === "exited";
      const copied = await copyEngineLog(parts, signal, isTrusted);
      if (end === "exited" && copied !== "cut") return true;
      hasEnded = copied !== "cut";
      // After a gap the counts no longer fit the engine's log, so another pass could only find the same gap again.
      hasGap = copied === "gap";
      pauseMs = firstPauseMs;
    } catch (error) {
      if (error instanceof LogUnwritable) throw error.cause;
      hasEnded = false;
      parts.log.debug("the engine's output stream broke off", { container: parts.container.id, error });
      await parts.clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
  return signal.reason === "finish";
}

async function copyAttached(parts: CaptureParts, stream: NodeJS.ReadableStream, signal: AbortSignal): Promise<boolean> {
  try {
    return (await copy(stream, parts.writer, (piece) => piece.bytes)) === "whole";
  } catch (error) {
    if (error instanceof LogUnwritable) throw error.cause;
    if (!signal.aborted) parts.log.debug("the attached output broke off", { container: parts.container.id, error });
    return false;
  }
}

/**
 * `gap`: all there is was copied, but something before it is missing, and the log says so. A trusted log came to its end
 * without trouble; where the engine's differs, it is the engine that rotated or thinned its own.
 */
async function copyEngineLog(
  { container, writer, log }: CaptureParts,
  signal: AbortSignal,
  isTrusted: boolean,
): Promise<"whole" | "cut" | "gap"> {
  const output = { follow: true, stdout: true, stderr: true, abortSignal: signal } as const;
  const counts = writer.counts();
  // A full log keeps nothing more.
  if (isTrusted && counts.droppedBytes > 0) return "whole";
  const resumption = resumeAfter({
    stdout: { bytes: counts.stdoutBytes, tail: writer.tail("stdout", compareBytes) },
    stderr: { bytes: counts.stderrBytes, tail: writer.tail("stderr", compareBytes) },
    droppedBytes: counts.droppedBytes,
  });
  const outcome = await copy(await container.logs(output), writer, (piece) => resumption.accept(piece));
  if (outcome !== "mismatch") return outcome;
  if (isTrusted) return "whole";
  log.warn("the engine no longer has all of a container's output", { container: container.id });
  writer.remark("gap: the engine no longer has all of the output written while homie was away");
  const rest = await copy(await container.logs({ ...output, tail: 0 }), writer, (piece) => piece.bytes);
  return rest === "whole" ? "gap" : "cut";
}

/** Reads to the end of the stream; slow disks slow the reading. */
async function copy(
  stream: NodeJS.ReadableStream,
  writer: LogWriter,
  accept: (piece: OutputPiece) => Uint8Array | "mismatch",
): Promise<"whole" | "cut" | "mismatch"> {
  const demultiplexer = createDemultiplexer();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (const piece of demultiplexer.push(chunk)) {
      const bytes = accept(piece);
      if (bytes === "mismatch") return "mismatch";
      if (bytes.length > 0) await write(writer, piece.stream, bytes);
    }
  }
  return demultiplexer.atBoundary() ? "whole" : "cut";
}

async function write(writer: LogWriter, stream: OutputPiece["stream"], bytes: Uint8Array): Promise<void> {
  try {
    await writer.write(stream, bytes);
  } catch (error) {
    throw new LogUnwritable(error);
  }
}

/** Tells trouble with our own file from trouble with the engine; never leaves this file. */
class LogUnwritable extends Error {
  constructor(cause: unknown) {
    super("the log cannot be written", { cause });
  }
}

async function waitForExit(
  parts: CaptureParts,
  waitMs: number,
  signal: AbortSignal,
): Promise<"exited" | "running" | "absent"> {
  try {
    if (waitMs > 0)
      await within(waitMs, (abortSignal) => parts.container.wait({ condition: "not-running", abortSignal }), signal);
  } catch (error) {
    if (isNotFound(error)) return "absent";
    if (!(error instanceof AnswerTimeout)) throw error;
  }
  try {
    const { State: state } = await within(answerMs, (abortSignal) => parts.container.inspect({ abortSignal }), signal);
    return state.Running || state.Status === "created" ? "running" : "exited";
  } catch (error) {
    if (isNotFound(error)) return "absent";
    throw error;
  }
}
