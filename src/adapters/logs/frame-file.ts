import type { FileHandle } from "node:fs/promises";

/**
 * Appends frames in batches. Pending bytes are written at once when nothing was written for a while, else 20 ms after
 * the last batch or as soon as 64 KiB are there, so a lone line is quick and a flood is cheap.
 */
export class FrameFile {
  readonly #file: FileHandle;
  /** Everything before this is whole frames. */
  #goodBytes: number;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #writingBytes = 0;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastFlushMs = 0;
  #failure: unknown;

  constructor(file: FileHandle, goodBytes: number) {
    this.#file = file;
    this.#goodBytes = goodBytes;
  }

  get pendingBytes(): number {
    return this.#batchBytes + this.#writingBytes;
  }

  /** Set while the disk refuses (full, say); nothing is lost, the same bytes are tried again each second. */
  get failure(): unknown {
    return this.#failure;
  }

  append(frame: Uint8Array): void {
    this.#batch.push(frame);
    this.#batchBytes += frame.length;
    if (this.#writing !== undefined) return;
    if (this.#batchBytes >= flushBytes && this.#failure === undefined) void this.flush();
    else
      this.#timer ??= setTimeout(() => void this.flush(), Math.max(0, this.#lastFlushMs + flushMs - performance.now()));
  }

  /** Resolves when everything appended before the call is written or has failed. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined) {
      await this.#writing;
      if (this.#batchBytes === 0 || this.#failure !== undefined) return;
      return this.flush();
    }
    if (this.#batchBytes === 0) return;
    this.#writing = this.#writeBatches();
    await this.#writing;
  }

  async #writeBatches(): Promise<void> {
    do {
      const batch = this.#batch;
      this.#writingBytes = this.#batchBytes;
      this.#batch = [];
      this.#batchBytes = 0;
      await this.#writeBatch(batch, this.#writingBytes);
      this.#writingBytes = 0;
      this.#lastFlushMs = performance.now();
    } while (this.#batchBytes >= flushBytes && this.#failure === undefined);
    this.#writing = undefined;
    if (this.#batchBytes > 0)
      this.#timer ??= setTimeout(() => void this.flush(), this.#failure === undefined ? flushMs : retryMs);
  }

  async #writeBatch(batch: readonly Uint8Array[], bytes: number): Promise<void> {
    try {
      await writeWhole(this.#file, batch, this.#goodBytes);
      this.#goodBytes += bytes;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      // Part of a frame may be on disk; the next try starts at the same place and covers it.
      this.#batch = [...batch, ...this.#batch];
      this.#batchBytes += bytes;
    }
  }

  /** Writes what is pending, makes it durable and closes. */
  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    try {
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }
}

/** writev(2) may take less than it was given, which then happens at a disk's end or at a signal. */
async function writeWhole(file: FileHandle, batch: readonly Uint8Array[], position: number): Promise<void> {
  let { bytesWritten: done } = await file.writev([...batch], position);
  let start = 0;
  for (const frame of batch) {
    for (let inFrame = Math.max(0, done - start); inFrame < frame.length; inFrame = done - start) {
      const { bytesWritten } = await file.write(frame, inFrame, frame.length - inFrame, position + done);
      done += bytesWritten;
    }
    start += frame.length;
  }
}

const flushBytes = 64 * 1024;
const flushMs = 20;
const retryMs = 1000;
