import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { LogTotals } from "../../logs/frames.ts";
import { createFrameDecoder, parseLogTotals } from "../../logs/frames.ts";
import type { FrameDecoder } from "../../logs/frames.ts";
import type { LogFrame } from "../../logs/types.ts";

/** What is known of a log that another process writes, kept up to date at the price of the new bytes only. */
export class LogGlance {
  readonly #path: string;
  #decoder: FrameDecoder = createFrameDecoder();
  #stdoutBytes = 0;
  #stderrBytes = 0;
  #final: LogTotals | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** `complete` once the eof frame is there. Synchronous; frames are read from the front, so no program can forge the end. */
  look(): LogTotals & { readonly complete: boolean } {
    if (this.#final === undefined) this.#countTheFile();
    return this.#final === undefined ? this.#counted() : { ...this.#final, complete: true };
  }

  #countTheFile(): void {
    let file: number;
    try {
      file = openSync(this.#path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    try {
      this.#countNew(file, fstatSync(file).size);
    } finally {
      closeSync(file);
    }
  }

  #countNew(file: number, size: number): void {
    // A torn end was cut off by a new writer, so what comes after the last whole frame is read anew.
    if (this.#decoder.isDamaged || size < this.#decoder.offset + this.#decoder.pendingBytes) {
      this.#decoder = createFrameDecoder(this.#decoder.offset);
    }
    const buffer = Buffer.allocUnsafe(readBytes);
    for (;;) {
      const bytesRead = readSync(file, buffer, 0, readBytes, this.#decoder.offset + this.#decoder.pendingBytes);
      if (bytesRead === 0) return;
      this.#decoder.push(buffer.subarray(0, bytesRead)).forEach((frame) => this.#count(frame));
      if (this.#decoder.isDamaged || this.#final !== undefined) return;
    }
  }

  #count(frame: LogFrame): void {
    if (frame.stream === "stdout") this.#stdoutBytes += frame.bytes.length;
    if (frame.stream === "stderr") this.#stderrBytes += frame.bytes.length;
    if (frame.stream === "eof") this.#final = parseLogTotals(frame.bytes) ?? this.#counted();
  }

  #counted(): LogTotals & { readonly complete: boolean } {
    return { complete: false, stdoutBytes: this.#stdoutBytes, stderrBytes: this.#stderrBytes, droppedBytes: 0 };
  }
}

const readBytes = 256 * 1024;
