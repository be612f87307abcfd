import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from "node:fs";
import type { Problem } from "../../resources/documents.ts";
import { parseManifests } from "../../resources/parse.ts";
import { sliceDocuments } from "../../store/document-slices.ts";
import type { DesiredFile } from "../../store/types.ts";
import { lstatBig, stampOf, type FileStamp } from "./file-stamp.ts";

/** Larger manifests are refused unread. */
export const maximumManifestBytes: number = 1024 * 1024;

export type ManifestBytes =
  /** `changedAtMs`: when it, or anything about it, changed, as the kernel has it. */
  | { readonly ok: true; readonly bytes: Uint8Array; readonly stamp: FileStamp; readonly changedAtMs: number }
  /** Changed while it was read, or vanished. */
  | { readonly ok: false; readonly reason: "changing" }
  | { readonly ok: false; readonly reason: "gone" }
  | { readonly ok: false; readonly reason: "refused"; readonly message: string; readonly hint: string };

/** Reads a regular file of the user's own; never follows a link and never waits for a FIFO or a device. */
export function readManifestBytes(path: string): ManifestBytes {
  const before = lstatBig(path);
  if (before === undefined) return { ok: false, reason: "gone" };
  const refusal = refuse(before);
  if (refusal !== undefined) return { ok: false, reason: "refused", ...refusal };
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const bytes = readAll(file, Number(before.size));
    const after = fstatSync(file, { bigint: true });
    if (stampOf(after) !== stampOf(before) || bytes.length !== Number(before.size))
      return { ok: false, reason: "changing" };
    return { ok: true, bytes, stamp: stampOf(after), changedAtMs: Number(after.ctimeNs / 1_000_000n) };
  } finally {
    closeSync(file);
  }
}

export function parseManifestFile(path: string, bytes: Uint8Array): DesiredFile {
  const { documents, problems } = parseManifests(bytes, path);
  // A large text that is refused is not cut up as well.
  if (documents.length === 0) return { path, documents, problems };
  return { path, documents, problems, documentLines: linesOfDocuments(Buffer.from(bytes).toString("utf8")) };
}

/** The line each document of a text begins on, from 1. */
export function linesOfDocuments(text: string): readonly number[] {
  return sliceDocuments(text).map(({ line }) => line);
}

/** A file that is there but cannot be taken: holds its objects and says why. */
export function refusedFile(path: string, message: string, hint: string): DesiredFile {
  const problem: Problem = { file: path, line: 1, column: 1, document: 0, path: "", message, hint };
  return { path, documents: [], problems: [problem] };
}

function refuse(stats: BigIntStats): { readonly message: string; readonly hint: string } | undefined {
  if (!stats.isFile()) {
    return { message: `is ${describeType(stats)}, not a regular file`, hint: "put the manifest itself here" };
  }
  const user = process.geteuid?.();
  if (user !== undefined && stats.uid !== BigInt(user) && stats.uid !== 0n) {
    return { message: `belongs to user ${stats.uid}, not to you`, hint: "chown the file" };
  }
  if (stats.size > maximumManifestBytes) {
    return { message: `has ${stats.size} bytes; at most ${maximumManifestBytes} are read`, hint: "split the file" };
  }
  return undefined;
}

function describeType(stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

function readAll(file: number, size: number): Uint8Array {
  // One byte more than announced shows a file that is growing.
  const buffer = Buffer.allocUnsafe(size + 1);
  let filled = 0;
  for (let count = -1; count !== 0 && filled < buffer.length; filled += count) {
    count = readSync(file, buffer, filled, buffer.length - filled, null);
  }
  return buffer.subarray(0, filled);
}
