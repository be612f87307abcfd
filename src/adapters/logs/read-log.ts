import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { LogSource } from "../../api/ports.ts";
import { createFrameDecoder } from "../../logs/frames.ts";
import type { FrameDecoder } from "../../logs/frames.ts";
import type { LogFrame } from "../../logs/types.ts";
import { HomieError } from "../../resources/errors.ts";
import { attemptPaths } from "../home.ts";
import type { HomePaths } from "../home.ts";
import { openDirectoryBell } from "./directory-bell.ts";
import type { DirectoryBell } from "./directory-bell.ts";

export interface ReadLogOptions {
  /** Offset of a frame: 0, or the `nextOffset` of the last frame seen. Default 0. */
  readonly from?: number;
  /** Waits for more, and for the file itself, until the eof frame or the signal. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Frames from `from` on, ending after the eof frame. Without `follow` it ends where whole frames end now; a missing file
 * has none. A follower also ends, without an eof frame, when the log is removed. Abort ends it without an error.
 */
export async function* readLog(path: string, options: ReadLogOptions = {}): AsyncIterable<LogFrame> {
  const signal = options.signal ?? new AbortController().signal;
  using bell = options.follow === true ? openDirectoryBell(dirname(path), signal) : undefined;
  const file = await openWhenThere(path, bell, signal);
  if (file === undefined) return;
  try {
    yield* readFrames(file, options.from ?? 0, { bell, signal });
  } finally {
    await file.close();
  }
}

/** The API's view of the logs of attempts that ran on this machine. */
export function createLogSource(paths: HomePaths): LogSource {
  return {
    read: (attempt, options) => readLog(attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).log, options),
  };
}

async function openWhenThere(
  path: string,
  bell: DirectoryBell | undefined,
  signal: AbortSignal,
): Promise<FileHandle | undefined> {
  while (!signal.aborted) {
    const heard = bell?.listen();
    try {
      return await open(path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    if (heard === undefined) return undefined;
    await heard;
  }
  return undefined;
}

interface Waiting {
  readonly bell: DirectoryBell | undefined;
  readonly signal: AbortSignal;
}

const readBytes = 256 * 1024;

async function* readFrames(file: FileHandle, from: number, { bell, signal }: Waiting): AsyncIterable<LogFrame> {
  const reader = new FrameReader(file, from);
  while (!signal.aborted) {
    // Listening starts before reading, so what is written in between rings too.
    const heard = bell?.listen();
    const step = await reader.read();
    for (const frame of step.frames) {
      if (signal.aborted) return;
      yield frame;
      if (frame.stream === "eof") return;
    }
    if (step.mayHaveMore) continue;
    if (heard === undefined || (await file.stat()).nlink === 0) return;
    await heard;
  }
}

/** Reads on from the last whole frame; what is torn is read again once it may have been mended. */
class FrameReader {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(readBytes);
  #decoder: FrameDecoder;

  constructor(file: FileHandle, from: number) {
    this.#file = file;
    this.#decoder = createFrameDecoder(from);
  }

  async read(): Promise<{ readonly frames: readonly LogFrame[]; readonly mayHaveMore: boolean }> {
    const start = this.#decoder.offset + this.#decoder.pendingBytes;
    const wasTorn = this.#decoder.pendingBytes > 0;
    const { bytesRead } = await this.#file.read(this.#buffer, 0, readBytes, start);
    const frames = this.#decoder.push(this.#buffer.subarray(0, bytesRead));
    if (this.#decoder.isDamaged) {
      if (!wasTorn) await failIfInside(this.#file, this.#decoder);
      // The torn end may have been replaced between two reads, so that the halves do not fit: read it whole.
      this.#decoder = createFrameDecoder(this.#decoder.offset);
      return { frames, mayHaveMore: wasTorn };
    }
    if (bytesRead === 0 && wasTorn && (await this.#file.stat()).size < start) {
      this.#decoder = createFrameDecoder(this.#decoder.offset);
    }
    return { frames, mayHaveMore: bytesRead > 0 };
  }
}

/** Damage in the last frame is what a crash leaves; damage before that is not. */
async function failIfInside(file: FileHandle, decoder: FrameDecoder): Promise<void> {
  const { size } = await file.stat();
  if (size - decoder.offset <= 2 * readBytes) return;
  throw new HomieError("LogCorrupt", `the log is damaged at byte ${decoder.offset} of ${size}`, {
    hint: "what comes before that byte is whole; the disk may be failing",
  });
}
