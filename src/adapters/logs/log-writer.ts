import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { HomieError } from "../../resources/errors.ts";
import { encodeFrame, maxFrameBytes } from "../../logs/frames.ts";
import type { LogTotals } from "../../logs/frames.ts";
import { FrameFile } from "./frame-file.ts";
import { scanLog } from "./scan-log.ts";
import { StreamTail } from "./stream-tail.ts";

export interface LogWriterOptions {
  /** Program output kept; what comes after is counted and dropped. Default 64 MiB. */
  readonly maxBytes?: number;
  /** How much of each stream's end `tail` can give back. Default 64 KiB. */
  readonly tailBytes?: number;
}

/** Writes one attempt's log. One writer a file; nothing here blocks or throws because of what a program prints. */
export interface LogWriter {
  /** The file already ended with an eof frame when it was opened; writing to it throws. */
  readonly isComplete: boolean;
  /** Time of the newest program output that is in the log. */
  readonly lastTimeNs: bigint | undefined;
  /** Takes any size. A promise means: more than 4 MiB are waiting for the disk, stop reading until it resolves. */
  write(stream: "stdout" | "stderr", bytes: Uint8Array, timeNs?: bigint): Promise<void> | undefined;
  /** A line of homie's own among the program's. */
  remark(text: string): void;
  counts(): LogTotals;
  /** The last `n` bytes of a stream that are in the log, those of an earlier writer included. */
  tail(stream: "stdout" | "stderr", n: number): Buffer;
  /** Everything written so far is in the file. */
  flush(): Promise<void>;
  /** Adds the drop marker if needed and the eof frame, makes all durable, closes. Throws while the disk refuses: try again. */
  finish(): Promise<LogTotals>;
  /** Makes all durable and closes; another writer can go on later. */
  close(): Promise<void>;
}

const pauseAtBytes = 4 * 1024 * 1024;

/** Opens or creates the log at `path`. A torn last frame is cut off and counting goes on from the whole ones. */
export async function openLogWriter(path: string, options: LogWriterOptions = {}): Promise<LogWriter> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const tails = {
      stdout: new StreamTail(options.tailBytes ?? 65_536),
      stderr: new StreamTail(options.tailBytes ?? 65_536),
    };
    const scan = await scanLog(handle, (frame) => {
      if (frame.stream === "stdout" || frame.stream === "stderr") tails[frame.stream].add(frame.bytes);
    });
    await handle.truncate(scan.goodBytes);
    return new FramedLogWriter({
      frames: new FrameFile(handle, scan.goodBytes),
      tails,
      maxBytes: options.maxBytes ?? 64 * 1024 * 1024,
      totals: { stdoutBytes: scan.stdoutBytes, stderrBytes: scan.stderrBytes, droppedBytes: scan.droppedBytes },
      isComplete: scan.complete,
      lastTimeNs: scan.lastTimeNs,
    });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Opening {
  readonly frames: FrameFile;
  readonly tails: Readonly<Record<"stdout" | "stderr", StreamTail>>;
  readonly maxBytes: number;
  readonly totals: LogTotals;
  readonly isComplete: boolean;
  readonly lastTimeNs: bigint | undefined;
}

class FramedLogWriter implements LogWriter {
  readonly isComplete: boolean;
  readonly #frames: FrameFile;
  readonly #tails: Opening["tails"];
  readonly #maxBytes: number;
  readonly #stored: { stdout: number; stderr: number };
  #droppedBytes: number;
  #lastTimeNs: bigint | undefined;
  #isEnded = false;
  #isClosed = false;

  constructor(opening: Opening) {
    this.isComplete = opening.isComplete;
    this.#frames = opening.frames;
    this.#tails = opening.tails;
    this.#maxBytes = opening.maxBytes;
    this.#stored = { stdout: opening.totals.stdoutBytes, stderr: opening.totals.stderrBytes };
    this.#droppedBytes = opening.totals.droppedBytes;
    this.#lastTimeNs = opening.lastTimeNs;
  }

  get lastTimeNs(): bigint | undefined {
    return this.#lastTimeNs;
  }

  write(stream: "stdout" | "stderr", bytes: Uint8Array, timeNs: bigint = nowNs()): Promise<void> | undefined {
    this.#checkOpen();
    // Once something was dropped nothing is stored any more: a log with a hole in it would lie about its order.
    const isStuck = this.#frames.failure !== undefined && this.#frames.pendingBytes > pauseAtBytes;
    const left = this.#maxBytes - this.#stored.stdout - this.#stored.stderr;
    const room = this.#droppedBytes > 0 || isStuck ? 0 : Math.max(0, left);
    const kept = bytes.subarray(0, room);
    for (let at = 0; at < kept.length; at += maxFrameBytes) {
      this.#frames.append(encodeFrame(stream, timeNs, kept.subarray(at, at + maxFrameBytes)));
    }
    if (kept.length > 0) {
      this.#lastTimeNs = timeNs;
      this.#stored[stream] += kept.length;
      this.#tails[stream].add(kept);
    }
    if (kept.length < bytes.length) this.#drop(bytes.length - kept.length);
    return this.#frames.pendingBytes > pauseAtBytes ? this.#frames.flush() : undefined;
  }

  #drop(bytes: number): void {
    // Said at once, because a follower would otherwise take the silence for a program that hangs.
    if (this.#droppedBytes === 0) this.remark("the log is full; further output is counted but not kept");
    this.#droppedBytes += bytes;
  }

  remark(text: string): void {
    this.#checkOpen();
    this.#append("homie", Buffer.from(text).subarray(0, maxFrameBytes));
  }

  #append(stream: "homie" | "eof", bytes: Buffer): void {
    this.#frames.append(encodeFrame(stream, nowNs(), bytes));
  }

  counts(): LogTotals {
    return { stdoutBytes: this.#stored.stdout, stderrBytes: this.#stored.stderr, droppedBytes: this.#droppedBytes };
  }

  tail(stream: "stdout" | "stderr", n: number): Buffer {
    return this.#tails[stream].last(n);
  }

  async flush(): Promise<void> {
    await this.#frames.flush();
  }

  async finish(): Promise<LogTotals> {
    if (this.isComplete) {
      await this.close();
      return this.counts();
    }
    const totals = this.counts();
    if (!this.#isEnded) {
      this.#isEnded = true;
      if (totals.droppedBytes > 0)
        this.#append("homie", Buffer.from(`${totals.droppedBytes} bytes of output were dropped`));
      this.#append("eof", Buffer.from(JSON.stringify(totals)));
    }
    await this.#frames.flush();
    this.#failIfRefused();
    await this.close();
    return totals;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#frames.close();
  }

  #checkOpen(): void {
    if (this.#isClosed || this.#isEnded || this.isComplete)
      throw new HomieError("InternalError", "a finished log was written to");
  }

  #failIfRefused(): void {
    if (this.#frames.failure === undefined) return;
    throw new HomieError("StateUnusable", "cannot write the log of an attempt", {
      hint: "make room on the disk that holds homie's home",
      cause: this.#frames.failure,
    });
  }
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
