import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { AttemptSources, InputEntry, InputRoot } from "../../resources/attempt.ts";
import { canonicalJson } from "../../resources/canonical.ts";
import { HomieError } from "../../resources/errors.ts";
import { surveySources } from "../project/list-sources.ts";
import type { SourceEntry, SourceSurvey } from "../project/list-sources.ts";
import { encodeRecordHead } from "./blob-record.ts";
import type { WantedBlob } from "./blob-record.ts";
import { chunkEntries } from "./chunk-entries.ts";
import { openHashCache } from "./hash-cache.ts";
import { inParallel } from "../in-parallel.ts";
import { hashFile, readHashedFile } from "./source-files.ts";
import type { HashedFile, Hashing } from "./source-files.ts";

export interface PackOptions {
  /** Never travels, wherever the project lies. */
  readonly homieRoot?: string;
  readonly cachePath: string;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

/** The files of an attempt on the submitter, ready to be asked for by content. */
export interface PackedInputs {
  readonly root: InputRoot;
  /** What of the project does not travel although no rule says so. */
  readonly skipped: SourceSurvey["skipped"];
  /** A chunk or a file, from `offset` on. Throws HomieError SourceUnreadable when the file is another one by now. */
  readBlob(sha256: string, offset: number): AsyncIterable<Uint8Array>;
}

const hashedAtOnce = 8;
const latestMs = 8.64e15; // of a Date

/** Throws HomieError SourceUnreadable. */
export async function packInputs(sources: AttemptSources, options: PackOptions): Promise<PackedInputs> {
  const { cachePath, signal, now = Date.now } = options;
  const survey = await surveySources(sources, signal, options.homieRoot);
  const cache = openHashCache(cachePath, now());
  const files = new Map<string, HashedFile>();
  const entries: InputEntry[] = [];
  try {
    await inParallel(survey.entries, hashedAtOnce, async (entry, index) => {
      signal.throwIfAborted();
      entries[index] = await describeEntry(entry, { cache, signal, now }, files);
    });
  } finally {
    cache.close();
  }
  const chunks = new Map<string, Uint8Array>();
  for (const list of chunkEntries(entries)) {
    const bytes = Buffer.from(canonicalJson(list));
    chunks.set(createHash("sha256").update(bytes).digest("hex"), bytes);
    await setImmediate(); // a hundred thousand entries are half a second: let others have their turn
  }
  return {
    root: {
      entries: entries.length,
      bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
      chunks: [...chunks].map(([sha256, bytes]) => ({ sha256, bytes: bytes.length })),
    },
    skipped: survey.skipped,
    readBlob: (sha256, offset) => readBlob({ chunks, files, cachePath, now }, sha256, offset),
  };
}

async function describeEntry(
  entry: SourceEntry,
  hashing: Hashing,
  files: Map<string, HashedFile>,
): Promise<InputEntry> {
  const { path, kind, executable } = entry;
  // Whole and within bounds, because that is what the executor takes.
  const mtimeMs = Math.min(Math.max(0, Math.floor(entry.mtimeMs)), latestMs);
  if (kind === "directory") return { path, kind, bytes: 0, executable: false, mtimeMs };
  const file = await hashFile(entry, hashing);
  files.set(file.sha256, file);
  return { path, kind, bytes: file.bytes, executable, mtimeMs, sha256: file.sha256 };
}

interface Blobs {
  readonly chunks: ReadonlyMap<string, Uint8Array>;
  readonly files: ReadonlyMap<string, HashedFile>;
  readonly cachePath: string;
  readonly now: () => number;
}

async function* readBlob(blobs: Blobs, sha256: string, offset: number): AsyncIterable<Uint8Array> {
  const chunk = blobs.chunks.get(sha256);
  const file = blobs.files.get(sha256);
  const bytes = chunk?.length ?? file?.bytes;
  if (bytes === undefined) throw new HomieError("PeerRefused", `${sha256} is none of what was offered`);
  if (!(Number.isSafeInteger(offset) && offset >= 0 && offset <= bytes))
    throw new HomieError("PeerRefused", `${sha256} has ${bytes} bytes and cannot go on at ${offset}`);
  if (chunk !== undefined) yield chunk.subarray(offset);
  else if (file !== undefined) {
    yield* readHashedFile(file, offset, () => {
      const cache = openHashCache(blobs.cachePath, blobs.now());
      cache.forget(file.from);
      cache.close();
    });
  }
}

/** Small pieces are gathered up to this much, so that ten thousand small files are not twenty thousand writes. */
const gatherBytes = 64 * 1024;

/** The stream that brings an executor what it wants (see blob-record.ts). Throws what `readBlob` throws. */
export async function* sendBlobs(
  packed: PackedInputs,
  wanted: readonly WantedBlob[],
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const piece of records(packed, wanted)) {
    signal.throwIfAborted();
    gathered.push(piece);
    size += piece.length;
    if (size < gatherBytes) continue;
    yield gathered.length === 1 ? piece : Buffer.concat(gathered, size);
    gathered = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(gathered, size);
}

async function* records(packed: PackedInputs, wanted: readonly WantedBlob[]): AsyncIterable<Uint8Array> {
  for (const { sha256, bytes, have } of wanted) {
    let left = bytes - have;
    if (!(Number.isSafeInteger(have) && have >= 0 && Number.isSafeInteger(left) && left >= 0))
      throw new HomieError("PeerRefused", `${sha256} cannot have ${bytes} bytes with ${have} of them there`);
    yield encodeRecordHead({ sha256, offset: have, length: left });
    for await (const piece of packed.readBlob(sha256, have)) {
      left -= piece.length;
      yield piece;
    }
    if (left !== 0) throw new HomieError("PeerRefused", `${sha256} does not have ${bytes} bytes`);
  }
}
