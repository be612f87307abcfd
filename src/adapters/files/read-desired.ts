import { statSync, type Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { DesiredFile, DesiredReading, UnreadablePath } from "../../store/types.ts";
import { lstatBig, stampOf, type FileStamp } from "./file-stamp.ts";
import { isIgnoredName, isManifestName } from "./ignored-names.ts";
import { parseManifestFile, readManifestBytes, refusedFile } from "./read-manifest-file.ts";

/** A file is taken when it has not changed for this long: a slow writer is never caught half-way. */
export const settleMs = 250;
/** Files handled in a row before other work of this process gets its turn. */
const batchSize = 50;

export interface DesiredReaderOptions {
  readonly root: string;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
}

export interface DesiredReader {
  read(): Promise<DesiredScan>;
  /** This very version of the file was written whole (renamed into place): it is taken at once. */
  trust(path: string, stamp: FileStamp): void;
  isTrusted(path: string, stamp: FileStamp): boolean;
  /** This version of the file is whole: the newest reading holds it, or homie renamed it into place. */
  isWhole(path: string, stamp: FileStamp): boolean;
}
export interface DesiredScan {
  readonly reading: DesiredReading;
  /** Files that are still being written; read again after `settleMs`. They count as unreadable until then. */
  readonly unsettled: readonly string[];
}

/** Walks desired/ again and again, parsing only what changed since the last walk. */
export function createDesiredReader(options: DesiredReaderOptions): DesiredReader {
  const parsed = new Map<string, { readonly stamp: FileStamp; readonly file: DesiredFile }>();
  const trusted = new Map<string, { readonly stamp: FileStamp; readonly walk: number }>();
  const firstSeen = new Map<string, { readonly stamp: FileStamp; readonly atMs: number }>();
  let walks = 0;

  /** Undefined while the file is being written; "gone" when it vanished after it was listed. */
  function take(path: string): DesiredFile | "gone" | undefined {
    const stats = lstatBig(path);
    if (stats === undefined) return "gone";
    const stamp = stampOf(stats);
    const cached = parsed.get(path);
    if (cached?.stamp === stamp) return cached.file;
    if (stats.isFile() && !isSettled(path, stamp, Number(stats.mtimeNs / 1_000_000n))) return undefined;
    const read = readManifestBytes(path);
    if (!read.ok && read.reason !== "refused") return read.reason === "gone" ? "gone" : undefined;
    const file = read.ok ? parseManifestFile(path, read.bytes) : refusedFile(path, read.message, read.hint);
    parsed.set(path, { stamp: read.ok ? read.stamp : stamp, file });
    firstSeen.delete(path);
    return file;
  }

  function isSettled(path: string, stamp: FileStamp, mtimeMs: number): boolean {
    if (isTrusted(path, stamp)) return true;
    const age = options.now().getTime() - mtimeMs;
    if (age >= settleMs) return true;
    // A time of change in the future (another machine's clock, `touch -d`) says nothing: watch it for a moment.
    const seen = firstSeen.get(path);
    if (seen?.stamp === stamp) return options.monotonicMs() - seen.atMs >= settleMs;
    firstSeen.set(path, { stamp, atMs: options.monotonicMs() });
    return false;
  }

  const isTrusted = (path: string, stamp: FileStamp): boolean => trusted.get(path)?.stamp === stamp;

  // A walk that began before a file was put there does not list it, and says nothing about its being trusted.
  function forgetAllBut(paths: ReadonlySet<string>, walk: number): void {
    for (const map of [parsed, firstSeen]) for (const path of map.keys()) if (!paths.has(path)) map.delete(path);
    for (const [path, trust] of trusted) if (!paths.has(path) && trust.walk < walk) trusted.delete(path);
  }

  return {
    trust: (path, stamp) => void trusted.set(path, { stamp, walk: walks }),
    isTrusted,
    isWhole: (path, stamp) => parsed.get(path)?.stamp === stamp || isTrusted(path, stamp),
    read: async () => {
      const thisWalk = (walks += 1);
      const walk = await walkDesired(options.root);
      const files: DesiredFile[] = [];
      const unsettled: string[] = [];
      const unreadable: UnreadablePath[] = [...walk.unreadable];
      for (const [index, path] of walk.files.entries()) {
        if (index % batchSize === batchSize - 1) await otherWork();
        try {
          const taken = take(path);
          if (taken === undefined) unsettled.push(path);
          else if (taken !== "gone") files.push(taken);
        } catch (error) {
          unreadable.push({ path, message: describeFailure("file", error) });
        }
      }
      unreadable.push(...unsettled.map((path) => ({ path, message: "is being written", transient: true as const })));
      forgetAllBut(new Set(walk.files), thisWalk);
      return { reading: { files, listedDirectories: walk.directories, unreadable }, unsettled };
    },
  };
}

/** One reading, waiting for nothing; for callers without a loop. */
export async function readDesired(root: string): Promise<DesiredReading> {
  const reader = createDesiredReader({ root, now: () => new Date(), monotonicMs: () => performance.now() });
  return (await reader.read()).reading;
}

interface Walk {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  readonly unreadable: readonly UnreadablePath[];
}

async function walkDesired(root: string): Promise<Walk> {
  const files: string[] = [];
  const directories: string[] = [];
  const unreadable: UnreadablePath[] = [];
  for (const pending = [root]; pending.length > 0;) {
    const directory = pending.pop() ?? root;
    try {
      const entries = await readdir(directory, { withFileTypes: true });
      directories.push(directory);
      for (const entry of entries) sortIn(entry, join(directory, entry.name), { files, pending, unreadable });
    } catch (error) {
      // Gone between two listings is an ordinary loss; anything else hides what may well be there.
      if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) continue;
      unreadable.push({ path: directory, message: describeFailure("directory", error) });
    }
  }
  return { files: files.toSorted(), directories: directories.toSorted(), unreadable };
}

function sortIn(
  entry: Dirent,
  path: string,
  into: { readonly files: string[]; readonly pending: string[]; readonly unreadable: UnreadablePath[] },
): void {
  if (isIgnoredName(entry.name)) return;
  // A directory called x.yaml is most likely a slip: it is reported instead of entered.
  if (isManifestName(entry.name)) into.files.push(path);
  else if (entry.isDirectory()) into.pending.push(path);
  else if (entry.isSymbolicLink() && leadsToDirectory(path)) {
    into.unreadable.push({ path, message: "is a symbolic link to a directory; it is not followed" });
  }
}

function leadsToDirectory(link: string): boolean {
  return statSync(link, { throwIfNoEntry: false })?.isDirectory() === true;
}

function describeFailure(what: string, error: unknown): string {
  return `${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function otherWork(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
