import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { BigIntStats } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { HomieError } from "../../resources/errors.ts";
import type { SourceEntry } from "../project/list-sources.ts";
import { unreadable } from "../project/walk-tree.ts";
import type { HashCache } from "./hash-cache.ts";

/** A file of the submitter as it was when it was hashed. */
export interface HashedFile {
  readonly from: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Another one means another content. */
  readonly stamp: string;
}

export interface Hashing {
  readonly cache: HashCache;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

const readBytes = 256 * 1024;
/**
 * A file written to in the same tick of its file system's clock keeps its times. What is younger than the coarsest clock
 * in use (FAT: 2 s) is hashed again next time, as git does: https://git-scm.com/docs/racy-git
 */
const racyMs = 2_000;

/** Throws HomieError SourceUnreadable. */
export async function hashFile(entry: SourceEntry, { cache, signal, now }: Hashing): Promise<HashedFile> {
  const { from, bytes } = entry;
  try {
    const seen = await lstat(from, { bigint: true });
    const known = seen.isFile() && Number(seen.size) === bytes ? cache.find(from, cacheStamp(seen)) : undefined;
    if (known !== undefined) return { from, bytes, sha256: known, stamp: contentStamp(seen) };
    const startedMs = now();
    const hash = createHash("sha256");
    const before = await readPieces(entry, signal, (piece) => void hash.update(piece));
    const sha256 = hash.digest("hex");
    if (youngestMs(before) < startedMs - racyMs) cache.remember(from, cacheStamp(before), sha256);
    return { from, bytes, sha256, stamp: contentStamp(before) };
  } catch (error) {
    throw signal.aborted || error instanceof HomieError ? error : unreadable(from, error);
  }
}

/** Throws HomieError SourceUnreadable when the file is not the one that was hashed; from the start on, that is certain. */
export async function* readHashedFile(
  file: HashedFile,
  offset: number,
  onOther: () => void,
): AsyncIterable<Uint8Array> {
  const handle = await openSource(file.from).catch((error: unknown) => {
    throw unreadable(file.from, error);
  });
  try {
    if (contentStamp(await handle.stat({ bigint: true })) !== file.stamp) throw changed(file.from);
    const hash = createHash("sha256");
    for (let position = offset; position < file.bytes;) {
      const buffer = Buffer.allocUnsafe(Math.min(readBytes, file.bytes - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw changed(file.from);
      position += bytesRead;
      const piece = buffer.subarray(0, bytesRead);
      if (offset === 0) hash.update(piece);
      yield piece;
    }
    const isOther = offset === 0 && hash.digest("hex") !== file.sha256;
    if (isOther) onOther();
    if (isOther || contentStamp(await handle.stat({ bigint: true })) !== file.stamp) throw changed(file.from);
  } catch (error) {
    throw unreadable(file.from, error);
  } finally {
    await handle.close();
  }
}

async function readPieces(
  entry: SourceEntry,
  signal: AbortSignal,
  onPiece: (piece: Uint8Array) => void,
): Promise<BigIntStats> {
  const handle = await openSource(entry.from);
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile() || Number(before.size) !== entry.bytes) throw changed(entry.from);
    const buffer = Buffer.allocUnsafe(Math.min(readBytes, Math.max(1, entry.bytes)));
    for (let position = 0; position < entry.bytes;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, entry.bytes - position), position);
      if (bytesRead === 0) throw changed(entry.from);
      position += bytesRead;
      onPiece(buffer.subarray(0, bytesRead));
    }
    const after = await handle.stat({ bigint: true });
    if (cacheStamp(after) !== cacheStamp(before)) throw changed(entry.from);
    return before;
  } finally {
    await handle.close();
  }
}

/** O_NONBLOCK: should a FIFO have taken the file's place, opening it must not wait for a writer. */
function openSource(path: string): ReturnType<typeof open> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

function contentStamp({ size, mtimeNs, ino }: BigIntStats): string {
  return `${size}:${mtimeNs}:${ino}`;
}

/** The change time too: it tells of an edit whose author set the modification time back. */
function cacheStamp(facts: BigIntStats): string {
  return `${contentStamp(facts)}:${facts.ctimeNs}`;
}

function youngestMs({ mtimeMs, ctimeMs }: BigIntStats): number {
  return Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
}

function changed(path: string): HomieError {
  return new HomieError("SourceUnreadable", `${path} changed while it was read`, {
    hint: "wait until nothing writes to it, or leave it out with .homieignore or project.exclude",
  });
}
