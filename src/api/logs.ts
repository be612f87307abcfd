import { encodeFrame } from "../logs/frames.ts";
import type { LogFrame } from "../logs/types.ts";
import type { Attempt } from "../resources/attempt.ts";
import type { Job } from "../resources/job.ts";
import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import type { Collection } from "./collections.ts";
import { createByteStream, streamed } from "./http.ts";
import type { ByteStream, Request, Responder } from "./http.ts";
import { offsetOf } from "./log-tail.ts";
import { createLogWalk, isFinishedJob } from "./log-walk.ts";
import type { LogWalk, LogWish } from "./log-walk.ts";
import { acceptsExactly } from "./negotiate.ts";
import type { Query } from "./query.ts";
import { nameOf, requireObject } from "./read.ts";
import { badRequest, StatusFailure } from "./status-error.ts";

export const frameLogType = "application/vnd.homie.log";

interface LogRequest extends LogWish {
  readonly tailLines: number | undefined;
  readonly asFrames: boolean;
  wants(frame: LogFrame): boolean;
}

/** GET jobs/NAME/log: the bytes the program wrote and nothing else, or homie's own frames with times and streams. */
export function logResponder(jobs: Collection, api: ApiContext): Responder {
  return async (request) => {
    const job = requireObject(jobs, nameOf(request)) as Job;
    const wish = parseLogRequest(request);
    const reading = new AbortController();
    const signal = AbortSignal.any([reading.signal, request.signal, api.options.signal ?? reading.signal]);
    const walk = createLogWalk(api.ports, job, wish, signal);
    const opening = await openLog(walk, job, wish);
    const body = frameStream({
      frames: opening.frames,
      encode: wish.asFrames ? (frame) => encodeFrame(frame.stream, frame.timeNs, frame.bytes) : (frame) => frame.bytes,
      wants: wish.wants,
      stop: () => reading.abort(),
      fail: (error) => {
        if (error !== undefined)
          api.options.log.error("a log could not be read to its end", { job: job.metadata.name, error });
        request.cut();
      },
      isCutShort: () => api.options.signal?.aborted === true,
    });
    return streamed(body, wish.asFrames ? frameLogType : "text/plain; charset=utf-8", opening.headers);
  };
}

function parseLogRequest(request: Request): LogRequest {
  const query = queryOf(request);
  const stream = query.text("stream");
  if (stream !== undefined && stream !== "stdout" && stream !== "stderr")
    throw badRequest('"stream" can be "stdout" or "stderr"');
  const asFrames = acceptsExactly(request.header("accept"), frameLogType);
  if (asFrames && stream !== undefined)
    throw badRequest('frames carry both streams: leave "stream" out and choose while reading');
  return {
    follow: query.flag("follow"),
    attempt: positive(query, "attempt"),
    fromAttempt: positive(query, "fromAttempt"),
    from: query.count("from") ?? 0,
    tailLines: query.count("tailLines"),
    asFrames,
    wants: (frame) =>
      asFrames ||
      (stream === undefined ? frame.stream === "stdout" || frame.stream === "stderr" : frame.stream === stream),
  };
}

function positive(query: Query, name: string): number | undefined {
  const value = query.count(name);
  if (value === 0) throw badRequest(`"${name}" starts at 1`);
  return value;
}

interface OpenedLog {
  readonly frames: AsyncGenerator<LogFrame>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Finds out what can fail while there is still a status line to say it in. */
async function openLog(walk: LogWalk, job: Job, wish: LogRequest): Promise<OpenedLog> {
  const attempt = walk.first();
  if (attempt === undefined) {
    const mayCome = wish.follow && wish.attempt === undefined && !isFinishedJob(job);
    if (!mayCome) throw noAttempt(job, wish);
    return { frames: walk.frames({ attempt, offset: 0, isRead: false }), headers: {} };
  }
  // Even a silent program's log has an eof frame; a running one may just not have written yet.
  if (attempt.status?.phase === "Finished" && !(await walk.hasLog(attempt))) throw noLog(attempt);
  const opened =
    wish.tailLines === undefined ? openFrom(walk, attempt, wish) : await openTail(walk, attempt, wish, wish.tailLines);
  const headers = { "homie-attempt": String(attempt.spec.attempt), "homie-log-offset": String(opened.offset) };
  return { frames: opened.frames, headers };
}

interface Opened {
  readonly frames: AsyncGenerator<LogFrame>;
  /** Offset of the first byte that is sent. */
  readonly offset: number;
}

function openFrom(walk: LogWalk, attempt: Attempt, wish: LogRequest): Opened {
  return { frames: walk.frames({ attempt, offset: wish.from, isRead: false }), offset: wish.from };
}

async function openTail(walk: LogWalk, attempt: Attempt, wish: LogRequest, lines: number): Promise<Opened> {
  const part = await walk.tail(attempt, lines, wish.wants);
  const rest = walk.frames({ attempt, offset: part.nextOffset, isRead: part.isComplete });
  const offset = part.frames[0] === undefined ? part.nextOffset : offsetOf(part.frames[0]);
  return { frames: chained(part.frames, rest, wish.follow), offset };
}

async function* chained(
  opening: readonly LogFrame[],
  rest: AsyncGenerator<LogFrame>,
  goesOn: boolean,
): AsyncGenerator<LogFrame> {
  yield* opening;
  if (goesOn) yield* rest;
}

interface FrameStreamParts {
  readonly frames: AsyncGenerator<LogFrame>;
  readonly encode: (frame: LogFrame) => Uint8Array;
  readonly wants: (frame: LogFrame) => boolean;
  readonly stop: () => void;
  /** Without an error: the daemon stops before the log is over. */
  readonly fail: (error?: unknown) => void;
  readonly isCutShort: () => boolean;
}

/** Reads only when the client does, so a client that never reads costs one frame of memory. */
function frameStream({ frames, encode, wants, stop, fail, isCutShort }: FrameStreamParts): ByteStream {
  async function nextChunk(): Promise<Uint8Array | undefined> {
    for await (const frame of { [Symbol.asyncIterator]: () => ({ next: () => frames.next() }) }) {
      if (wants(frame) && (frame.bytes.length > 0 || frame.stream === "eof")) return encode(frame);
    }
    return undefined;
  }
  return createByteStream({
    async next() {
      const chunk = await nextChunk().catch((error: unknown) => {
        fail(error);
        throw error;
      });
      if (chunk !== undefined || !isCutShort()) return chunk;
      fail();
      throw new Error("the daemon is stopping");
    },
    async close() {
      stop();
      await frames.return(undefined).catch(fail);
    },
  });
}

function noAttempt(job: Job, wish: LogRequest): StatusFailure {
  const number = wish.attempt ?? wish.fromAttempt;
  const reason = job.status?.reason === undefined ? "" : `: ${job.status.reason}`;
  const which = number === undefined ? "no attempt yet" : `no attempt ${number}`;
  const message = `job "${job.metadata.name}" has ${which} (${job.status?.phase ?? "Pending"}${reason})`;
  return new StatusFailure(404, "NotFound", message, {
    details: { name: job.metadata.name, group: "homie.dev", kind: "jobs" },
  });
}

function noLog(attempt: Attempt): StatusFailure {
  const { job, attempt: number } = attempt.spec;
  const why = attempt.status?.phase === "Finished" ? attempt.status.reason : attempt.status?.phase;
  const message = `attempt ${number} of job "${job.name}" has no log (${why ?? "Created"})`;
  return new StatusFailure(404, "NotFound", message, { details: { name: job.name, group: "homie.dev", kind: "jobs" } });
}
