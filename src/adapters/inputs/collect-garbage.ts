import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { factsOf } from "./blob-files.ts";
import type { BlobFiles } from "./blob-files.ts";

export interface Garbage {
  readonly kept: ReadonlySet<string>;
  readonly keptLists: ReadonlySet<string>;
  readonly maxBytes: number;
}

const dayMs = 86_400_000;
/** Somebody was just told that it is here, and is about to rely on it. */
const recentMs = 5 * 60_000;

interface Found {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

export async function collectGarbage(files: BlobFiles, { kept, keptLists, maxBytes }: Garbage): Promise<void> {
  const before = Date.now() - dayMs;
  await removeOlder(join(files.root, "partial"), before, new Set());
  await removeOlder(join(files.root, "lists"), before, keptLists);
  let bytes = 0;
  const removable: Found[] = [];
  for (const sha256 of await listBlobs(files.root)) {
    const path = files.whole(sha256);
    const facts = await factsOf(path);
    if (facts === undefined) continue;
    bytes += facts.size;
    if (!kept.has(sha256)) removable.push({ path, bytes: facts.size, usedMs: facts.atimeMs });
  }
  removable.sort((a, b) => a.usedMs - b.usedMs);
  for (const found of removable) {
    if (bytes <= maxBytes) return;
    // Looked at again: it may have been used since.
    const usedMs = (await factsOf(found.path))?.atimeMs ?? 0;
    if (usedMs > Date.now() - recentMs) continue;
    await rm(found.path, { force: true });
    bytes -= found.bytes;
  }
}

async function listBlobs(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const directory of await namesIn(root)) {
    if (!/^[0-9a-f]{2}$/.test(directory)) continue;
    for (const name of await namesIn(join(root, directory)))
      if (/^[0-9a-f]{64}$/.test(name) && name.startsWith(directory)) found.push(name);
  }
  return found;
}

async function removeOlder(directory: string, beforeMs: number, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (kept.has(name)) continue;
    const path = join(directory, name);
    if ((await lstat(path)).mtimeMs < beforeMs) await rm(path, { recursive: true, force: true });
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
}
