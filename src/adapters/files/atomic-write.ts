import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeSync,
  type Dirent,
} from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import { lstatBig, stampOfRenamed, type FileStamp } from "./file-stamp.ts";

/** Files being written carry this prefix: a dot-file, so every reader of desired/ passes over them. */
export const temporaryPrefix = ".homie-";

export interface AtomicWriteOptions {
  /** Permission bits of the new file, whatever the umask. */
  readonly mode?: number;
  /** Asked right before the rename; false leaves the old file as it is. */
  readonly confirm?: () => boolean;
  /**
   * Told in the same turn as the rename; `stamp` is that of the new file, undefined when somebody has changed it, or put
   * another one in its place, by then.
   */
  readonly renamed?: (stamp: FileStamp | undefined) => void;
}

/** A file written whole beside its destination, waiting to be renamed over it. */
export interface StagedWrite {
  /** Answers false when `confirm` refused; the temporary file is gone then, as after every failure. */
  publish(): boolean;
  discard(): void;
}

/**
 * Puts `content` at `path` so that a reader, a crash or a full disk sees the old file or the new one and nothing between.
 * Answers false only when `confirm` refused. Throws HomieError StateUnusable; the temporary file is gone then.
 */
export function atomicWriteSync(path: string, content: string | Uint8Array, options: AtomicWriteOptions = {}): boolean {
  return stageWrite(path, content, options).publish();
}

/** The first half of an atomic write: for several files of which all or none are to change. */
export function stageWrite(path: string, content: string | Uint8Array, options: AtomicWriteOptions = {}): StagedWrite {
  const temporary = temporaryPathFor(path);
  const guarded = <T>(step: () => T): T => {
    try {
      return step();
    } catch (error) {
      throw failed(path, temporary, error);
    }
  };
  guarded(() => writeWholeSync(temporary, bytesOf(content), options.mode ?? 0o600));
  return {
    publish: () =>
      guarded(() => {
        if (!publish(temporary, path, options)) return false;
        fsyncDirectorySync(dirname(path));
        return true;
      }),
    discard: () => unlinkSync(temporary),
  };
}

/** The same without blocking this process while the disk works. */
export async function atomicWrite(
  path: string,
  content: string | Uint8Array,
  options: AtomicWriteOptions = {},
): Promise<boolean> {
  const temporary = temporaryPathFor(path);
  try {
    await writeWhole(temporary, bytesOf(content), options.mode ?? 0o600);
    if (!publish(temporary, path, options)) return false;
    await fsyncDirectory(dirname(path));
    return true;
  } catch (error) {
    throw failed(path, temporary, error);
  }
}

/** Nothing may come between the question and the rename, so both are synchronous. */
function publish(temporary: string, path: string, options: AtomicWriteOptions): boolean {
  const ours = lstatBig(temporary);
  if (options.confirm?.() === false) {
    unlinkSync(temporary);
    return false;
  }
  renameSync(temporary, path);
  options.renamed?.(ours === undefined ? undefined : stampOfRenamed(path, ours));
  return true;
}

/** Removes what killed writers left behind. Only where nobody else is writing right now: at the start, under the lock. */
export function removeLeftovers(directory: string): void {
  for (const entry of listQuietly(directory)) {
    if (entry.isFile() && entry.name.startsWith(temporaryPrefix)) unlinkSync(join(directory, entry.name));
  }
}

/** The same in every directory of a tree; dot-directories (.git) hold none of ours. */
export function removeLeftoversBelow(root: string): void {
  removeLeftovers(root);
  for (const entry of listQuietly(root)) {
    if (entry.isDirectory() && !entry.name.startsWith(".")) removeLeftoversBelow(join(root, entry.name));
  }
}

/** A directory that cannot be listed is reported by whoever reads it; here there is just nothing to remove. */
function listQuietly(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

// One write may be short, on a disk that fills up for example, so both writers loop and compare the size at the end:
// https://man7.org/linux/man-pages/man2/write.2.html

function writeWholeSync(path: string, bytes: Uint8Array, mode: number): void {
  const file = openSync(path, "wx", mode);
  try {
    fchmodSync(file, mode);
    for (let offset = 0; offset < bytes.length;) offset += writeSync(file, bytes, offset, bytes.length - offset);
    requireWhole(fstatSync(file).size, bytes.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

async function writeWhole(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await using file = await open(path, "wx", mode);
  await file.chmod(mode);
  for (let offset = 0; offset < bytes.length;) {
    offset += (await file.write(bytes, offset, bytes.length - offset)).bytesWritten;
  }
  requireWhole((await file.stat()).size, bytes.length);
  await file.sync();
}

function requireWhole(size: number, wanted: number): void {
  if (size !== wanted) throw new Error(`only ${size} of ${wanted} bytes were written`);
}

/** Makes a rename itself durable. Windows cannot open a directory; there it is durable with the file. */
export function fsyncDirectorySync(directory: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

async function fsyncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(directory, "r");
  await handle.sync();
}

function temporaryPathFor(path: string): string {
  return join(dirname(path), `${temporaryPrefix}${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}`);
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? Buffer.from(content, "utf8") : content;
}

function failed(path: string, temporary: string, error: unknown): HomieError {
  if (lstatSync(temporary, { throwIfNoEntry: false }) !== undefined) unlinkSync(temporary);
  return new HomieError(
    "StateUnusable",
    `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`,
    {
      hint: hintFor(error),
      cause: error,
    },
  );
}

function hintFor(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return "free some disk space";
  return "check that the directory exists and may be written";
}
