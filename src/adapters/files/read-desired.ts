import { statSync, type Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { DesiredFile, DesiredReading, UnreadablePath } from "../../store/types.ts";
import { lstatBig, stampOf, type FileStamp } from "./file-stamp.ts";
import { createKnownFiles, type FileVersion } from "./known-files.ts";
import { isIgnoredName, isManifestName } from "./ignored-names.ts";
import { parseManifestFile, readManifestBytes, refusedFile } from "./read-manifest-file.ts";
import { createSettling } from "./settling.ts";

/** Kernels stamp files by ticks of 10 ms at most; some more for a clock that is not read at the same time. */
const longAgoMs = 100;
/** So long files are read in a row; then other work of this process gets its turn. */
const turnMs = 10;

export interface DesiredReaderOptions {
  readonly root: string;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
}

export interface DesiredReader {
  read(): Promise<DesiredScan>;
  /** This very version of the file was written whole (renamed into place): it is taken at once. */
  trust(path: string, stamp: FileStamp, written?: WrittenFile): void;
  isTrusted(path: string, stamp: FileStamp): boolean;
  /** What these bytes of the file say, when that is known; whoever gets an answer knows that they are whole. */
  taken(path: string, stamp: FileStamp, bytes: Uint8Array): DesiredFile | undefined;
}
/** What homie has just written, and what that says. */
export type WrittenFile = Omit<FileVersion, "stamp">;
export interface DesiredScan {
  readonly reading: DesiredReading;
  /** Files that are still being written; read again after `settleMs`. They count as unreadable until then. */
  readonly unsettled: readonly string[];
}

/** Walks desired/ again and again, parsing only what changed since the last walk. */
export function createDesiredReader(options: DesiredReaderOptions): DesiredReader {
  const known = createKnownFiles();
  const settling = createSettling(options);
  let walks = 0;

  /** Undefined while the file is being written; "gone" when it vanished after it was listed. */
  function take(path: string): DesiredFile | "gone" | undefined {
    const stats = lstatBig(path);
    if (stats === undefined) return "gone";
    const stamp = stampOf(stats);
    return known.byStamp(path, stamp) ?? (settling.isSettled(path, stamp, stats) ? readNow(path, stamp) : undefined);
  }

  function readNow(path: string, stamp: FileStamp): DesiredFile | "gone" | undefined {
    const read = readManifestBytes(path);
    if (!read.ok && read.reason === "refused") return refusedFile(path, read.message, read.hint);
    if (!read.ok) return read.reason === "gone" ? "gone" : undefined;
    // It was another version that had settled.
    if (read.stamp !== stamp) return undefined;
    const { bytes, changedAtMs } = read;
    const file = known.byBytes(path, stamp, bytes) ?? parseManifestFile(path, bytes);
    known.put(path, { stamp, bytes, file }, options.now().getTime() - changedAtMs > longAgoMs);
    return file;
  }

  return {
    trust: (path, stamp, written) => {
      settling.trust(path, stamp, walks);
      if (written !== undefined) known.put(path, { stamp, ...written }, false);
    },
    isTrusted: settling.isTrusted,
    taken: known.byBytes,
    read: async () => {
      const thisWalk = (walks += 1);
      const { scan, listed } = await readAll(options.root, take);
      settling.forgetAllBut(listed, thisWalk);
      known.forgetAllBut((path) => listed.has(path) || settling.isTrusted(path));
      return scan;
    },
  };
}

async function readAll(
  root: string,
  take: (path: string) => DesiredFile | "gone" | undefined,
): Promise<{ readonly scan: DesiredScan; readonly listed: ReadonlySet<string> }> {
  const walk = await walkDesired(root);
  const files: DesiredFile[] = [];
  const unsettled: string[] = [];
  const unreadable: UnreadablePath[] = [...walk.unreadable];
  let turnEndMs = performance.now() + turnMs;
  for (const path of walk.files) {
    if (performance.now() > turnEndMs) {
      await setImmediate();
      turnEndMs = performance.now() + turnMs;
    }
    try {
      const taken = take(path);
      if (taken === undefined) unsettled.push(path);
      else if (taken !== "gone") files.push(taken);
    } catch (error) {
      unreadable.push({ path, message: describeFailure("file", error) });
    }
  }
  unreadable.push(...unsettled.map((path) => ({ path, message: "is being written", transient: true as const })));
  const reading = { files, listedDirectories: walk.directories, unreadable };
  return { scan: { reading, unsettled }, listed: new Set(walk.files) };
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
