import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

const readBytes = 256 * 1024;

/** A partial blob that is written to at its end, with the hash of all that is in it. */
export class OpenBlob {
  position = 0;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<OpenBlob> {
    const blob = new OpenBlob(
      path,
      await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600),
    );
    try {
      await blob.#readOn();
      return blob;
    } catch (error) {
      await blob.close();
      throw error;
    }
  }

  async write(piece: Uint8Array): Promise<void> {
    // One write may be short, on a disk that fills up for example: https://man7.org/linux/man-pages/man2/write.2.html
    for (let written = 0; written < piece.length;) {
      const { bytesWritten } = await this.#file.write(piece, written, piece.length - written, this.position);
      this.#hash.update(piece.subarray(written, written + bytesWritten));
      written += bytesWritten;
      this.position += bytesWritten;
    }
  }

  /** Closes it; true when the content is what `sha256` says, and on the disk. It is removed otherwise. */
  async finish(sha256: string): Promise<boolean> {
    try {
      if (this.#hash.digest("hex") !== sha256) {
        await rm(this.#path, { force: true });
        return false;
      }
      // A whole second stays the same when the access time is set, and readers compare it.
      const now = Math.floor(Date.now() / 1000);
      await this.#file.utimes(now, now);
      await this.#file.sync();
      return true;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #readOn(): Promise<void> {
    const { size } = await this.#file.stat();
    const buffer = Buffer.allocUnsafe(Math.min(readBytes, size));
    while (this.position < size) {
      const { bytesRead } = await this.#file.read(
        buffer,
        0,
        Math.min(buffer.length, size - this.position),
        this.position,
      );
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.position += bytesRead;
    }
  }
}
