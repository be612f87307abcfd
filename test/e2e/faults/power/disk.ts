import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { FileStep } from "./trace.ts";

interface Content {
  data: Buffer;
  /** As of the last sync. */
  durable: Buffer;
}

/**
 * What a power cut may leave: `names`: the newest names, but of each file only what was synchronized (a journal that orders
 * nothing); `least`: names too only as of the last synchronization of their directory; `all`: everything got to the disk.
 */
export type Loss = "all" | "names" | "least";
export const losses: readonly Loss[] = ["all", "names", "least"];

/** A file system that can lose power. Directories themselves are taken for granted. */
export class LosingDisk {
  readonly #names = new Map<string, Content>();
  readonly #durableNames = new Map<string, Content>();

  take(step: FileStep): void {
    switch (step.kind) {
      case "create":
        if (!this.#names.has(step.path))
          this.#names.set(step.path, { data: Buffer.alloc(0), durable: Buffer.alloc(0) });
        return;
      case "write":
        return this.#write(this.#at(step.path), step.at, step.bytes);
      case "truncate": {
        const content = this.#at(step.path);
        const kept = content.data.subarray(0, step.size);
        content.data = Buffer.concat([kept, Buffer.alloc(step.size - kept.length)]);
        return;
      }
      case "sync": {
        const content = this.#at(step.path);
        content.durable = content.data;
        return;
      }
      case "sync-directory":
        return this.#syncNames(step.path);
      case "rename":
        this.#names.set(step.to, this.#at(step.path));
        this.#names.delete(step.path);
        return;
      case "unlink":
        this.#names.delete(step.path);
        return;
      case "mark":
    }
  }

  /** Lays out below `target` what would be there below `root` after the power is back. */
  restore(root: string, target: string, loss: Loss): void {
    const names = loss === "least" ? this.#durableNames : this.#names;
    for (const [path, content] of names) {
      const place = join(target, relative(root, path));
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, loss === "all" ? content.data : content.durable);
    }
  }

  #write(content: Content, at: number, bytes: Buffer): void {
    const size = Math.max(content.data.length, at + bytes.length);
    const data = Buffer.alloc(size);
    content.data.copy(data);
    bytes.copy(data, at);
    content.data = data;
  }

  #syncNames(directory: string): void {
    for (const path of this.#durableNames.keys())
      if (dirname(path) === directory && !this.#names.has(path)) this.#durableNames.delete(path);
    for (const [path, content] of this.#names) if (dirname(path) === directory) this.#durableNames.set(path, content);
  }

  #at(path: string): Content {
    const content = this.#names.get(path);
    if (content === undefined) throw new Error(`the trace uses ${path} before it makes it`);
    return content;
  }
}
