import type { FileHandle } from "node:fs/promises";

/** Open files, each with a buffer or two of its own in the kernel: enough for a disk to write many together. */
const maxOpen = 32;
/** Larger ones are waited for one by one: a few at once would hold all of Node's threads for files, and with them the daemon. */
export const smallBytes: number = 2 ** 20;

/** Files that are written, and become durable while the next ones are being written. */
export class Flushes {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** Makes the file durable and closes it, some time. Waits while too many are; throws what an earlier one failed with. */
  async add(file: FileHandle, bytes: number): Promise<void> {
    const flush = this.#flush(file).finally(() => this.#running.delete(flush));
    this.#running.add(flush);
    if (bytes > smallBytes) await flush;
    while (this.#running.size >= maxOpen) await Promise.race(this.#running);
    this.#throwFailure();
  }

  /** All of them are durable; throws otherwise. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  async #flush(file: FileHandle): Promise<void> {
    try {
      await file.datasync();
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      await file.close().catch((error: unknown) => {
        this.#failure ??= { error };
      });
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
