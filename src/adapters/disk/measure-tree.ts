import type { BigIntStats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";

export interface TreeSize {
  /** On the disk, not as the files say: a sparse file takes what was written to it. */
  readonly bytes: number;
  /** Files, directories and everything else below the root; counting ends past `maxEntries`. */
  readonly entries: number;
  /** Something in it has a path that the system refuses, so the rest of the figures is too low. */
  readonly tooDeep: boolean;
}

/** Questions under way at once: enough to keep the disk busy, not enough to keep others from theirs. */
const batch = 32;
const blockBytes = 512n;

/**
 * Measures a tree that somebody is writing to. Undefined when a part of it may not be read: half a figure is none.
 * Names are handled as bytes, as they need not be text.
 */
export async function measureTree(root: string, maxEntries: number): Promise<TreeSize | undefined> {
  const walk = new Walk(maxEntries);
  try {
    await walk.run(Buffer.from(root));
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
  return { bytes: Number(walk.bytes), entries: walk.entries, tooDeep: walk.tooDeep };
}

class Walk {
  bytes = 0n;
  entries = 0;
  tooDeep = false;
  readonly #maxEntries: number;
  readonly #linked = new Set<bigint>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  async run(root: Buffer): Promise<void> {
    const waiting = [root];
    for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
      waiting.push(...(await this.#visit(directory)));
      if (this.entries > this.#maxEntries) return;
    }
  }

  /** Counts what lies in a directory and names the directories among it. */
  async #visit(directory: Buffer): Promise<readonly Buffer[]> {
    const names = (await this.#unlessGone(readdir(directory, { encoding: "buffer" }))) ?? [];
    const below: Buffer[] = [];
    for (let at = 0; at < names.length && this.entries <= this.#maxEntries; at += batch) {
      const paths = names.slice(at, at + batch).map((name) => Buffer.concat([directory, Buffer.from("/"), name]));
      const facts = await Promise.all(paths.map((path) => this.#unlessGone(lstat(path, { bigint: true }))));
      for (const [index, path] of paths.entries()) if (this.#count(facts[index])) below.push(path);
    }
    return below;
  }

  /** True for a directory. */
  #count(facts: BigIntStats | undefined): boolean {
    if (facts === undefined) return false;
    this.entries += 1;
    const isCounted = facts.isFile() && facts.nlink > 1n && this.#linked.has(facts.ino);
    if (facts.isFile() && facts.nlink > 1n) this.#linked.add(facts.ino);
    if (!isCounted) this.bytes += facts.blocks * blockBytes;
    return facts.isDirectory();
  }

  async #unlessGone<T>(question: Promise<T>): Promise<T | undefined> {
    try {
      return await question;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENAMETOOLONG") this.tooDeep = true;
      else if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
      return undefined;
    }
  }
}

function isRefusal(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EACCES" || code === "EPERM";
}
