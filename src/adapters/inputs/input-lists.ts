import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { InputEntry, InputRoot } from "../../resources/attempt.ts";
import { canonicalJson } from "../../resources/canonical.ts";
import { factsOf } from "./blob-files.ts";
import type { BlobFiles } from "./blob-files.ts";
import type { WantedBlob } from "./blob-record.ts";
import { checkRoot, ListCheck } from "./check-list.ts";

/**
 * Lists of entries, in chunks. What a machine sends waits apart until the whole list has been looked at, so that a list
 * that is refused leaves nothing and takes nothing that others use.
 */
export class InputLists {
  readonly #files: BlobFiles;
  /** Asked for again with every part of the files; whoever needs the memory may have it. */
  #lastRead: { readonly key: string; readonly entries: WeakRef<readonly InputEntry[]> } | undefined;

  constructor(files: BlobFiles) {
    this.#files = files;
  }

  /** Where a chunk waits. */
  waiting(root: InputRoot, sha256: string): string {
    return join(this.#files.list(listKey(root)), sha256);
  }

  async missingChunks(root: InputRoot): Promise<readonly WantedBlob[]> {
    checkRoot(root);
    return this.#files.missing(root.chunks, async (sha256) => (await factsOf(this.waiting(root, sha256)))?.size);
  }

  /** The entries, every rule kept. All chunks have to be here. */
  async read(root: InputRoot): Promise<readonly InputEntry[]> {
    const key = listKey(root);
    const known = this.#lastRead?.key === key ? this.#lastRead.entries.deref() : undefined;
    if (known !== undefined) return known;
    const check = new ListCheck(root);
    for (const { sha256 } of root.chunks)
      check.add(await this.#files.readChunk(await this.#find(root, sha256), sha256));
    const entries = check.finish();
    this.#lastRead = { key, entries: new WeakRef(entries) };
    return entries;
  }

  /** The list is sound: its chunks are blobs like others. */
  async accept(root: InputRoot): Promise<void> {
    const placed: string[] = [];
    for (const { sha256 } of root.chunks) {
      const waiting = this.waiting(root, sha256);
      if ((await factsOf(waiting)) === undefined) continue;
      await this.#files.place(waiting, this.#files.whole(sha256));
      placed.push(this.#files.whole(sha256));
    }
    if (placed.length === 0) return;
    await this.#files.syncNames(placed);
    await this.refuse(root);
  }

  async refuse(root: InputRoot): Promise<void> {
    await rm(this.#files.list(listKey(root)), { recursive: true, force: true });
  }

  async #find(root: InputRoot, sha256: string): Promise<string> {
    const waiting = this.waiting(root, sha256);
    return (await factsOf(waiting)) === undefined ? this.#files.whole(sha256) : waiting;
  }
}

export function listKey(root: InputRoot): string {
  return createHash("sha256").update(canonicalJson(root)).digest("hex");
}
