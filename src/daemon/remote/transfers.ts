import type { JobStatus } from "../../resources/job.ts";

export type Transfer = NonNullable<JobStatus["transfer"]>;

/** How far what is on its way has come, by attempt; for readers, in memory. */
export class Transfers {
  readonly #underway = new Map<string, { what: Transfer["what"]; doneBytes: number; totalBytes: number }>();

  of(attemptName: string): Transfer | undefined {
    return this.#underway.get(attemptName);
  }

  /** Passes the stream on and counts it. `doneBytes` came before, when an interrupted transfer is gone on with. */
  async *count(attemptName: string, transfer: Transfer, stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const entry = { ...transfer };
    this.#underway.set(attemptName, entry);
    try {
      for await (const chunk of stream) {
        entry.doneBytes = Math.min(entry.totalBytes, entry.doneBytes + chunk.length);
        yield chunk;
      }
    } finally {
      if (this.#underway.get(attemptName) === entry) this.#underway.delete(attemptName);
    }
  }
}
