import type { FileHandle } from "node:fs/promises";

/** A connection brings 16 KiB at a time; a write of each would cost more than the bytes themselves. */
const gatherBytes = 512 * 1024;

/** Appends to one file after the other in large writes: while one is on its way to the disk the next is gathered. */
export class PartWriter {
  #file: FileHandle;
  #position: number;
  // Two for the whole stream: a new one for each write would be garbage by the megabyte.
  #gathering = Buffer.allocUnsafeSlow(gatherBytes);
  #spare = Buffer.allocUnsafeSlow(gatherBytes);
  #gathered = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  /** Goes on with another file; the one before has been flushed. */
  turnTo(file: FileHandle, position: number): void {
    this.#file = file;
    this.#position = position;
  }

  /** A promise means: wait for it before the next piece. Throws what the disk says. */
  add(piece: Uint8Array): Promise<void> | undefined {
    if (piece.length > gatherBytes - this.#gathered) return this.#addInParts(piece);
    this.#gathering.set(piece, this.#gathered);
    this.#gathered += piece.length;
    return undefined;
  }

  /** Everything added is in the file. */
  async flush(): Promise<void> {
    await this.#hand();
    await this.#writing;
    this.#throwFailure();
  }

  async #addInParts(piece: Uint8Array): Promise<void> {
    for (let rest = piece; rest.length > 0;) {
      if (this.#gathered === gatherBytes) await this.#hand();
      const part = rest.subarray(0, gatherBytes - this.#gathered);
      this.#gathering.set(part, this.#gathered);
      this.#gathered += part.length;
      rest = rest.subarray(part.length);
    }
  }

  async #hand(): Promise<void> {
    await this.#writing;
    this.#throwFailure();
    if (this.#gathered === 0) return;
    const bytes = this.#gathering.subarray(0, this.#gathered);
    [this.#gathering, this.#spare] = [this.#spare, this.#gathering];
    this.#gathered = 0;
    this.#writing = this.#write(bytes).catch((error: unknown) => {
      this.#failure = { error };
    });
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#position);
      done += bytesWritten;
      this.#position += bytesWritten;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
