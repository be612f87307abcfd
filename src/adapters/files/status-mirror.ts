import type { Clock, Logger } from "../../reconciler/types.ts";
import type { ParsedDocument } from "../../resources/documents.ts";
import { declaredKinds } from "../../resources/kinds.ts";
import { spliceStatus } from "../../resources/splice-status.ts";
import type { BaseStatus, Key } from "../../resources/types.ts";
import type { DesiredFile, DesiredReading, ObjectStore } from "../../store/types.ts";
import { atomicWrite, type AtomicWriteOptions } from "./atomic-write.ts";
import { lstatBig, stampAt, type FileStamp } from "./file-stamp.ts";
import { createMirrorMemory, type MirrorMemory } from "./mirror-memory.ts";
import { createMirrorQueue } from "./mirror-queue.ts";
import type { DesiredReader, WrittenFile } from "./read-desired.ts";
import { linesOfDocuments, parseManifestFile, readManifestBytes, type ManifestBytes } from "./read-manifest-file.ts";
import { createReplacedFiles, type ReplacedFiles } from "./replaced-files.ts";

export interface StatusMirror {
  start(): void;
  /** Looks at every file of the newest reading, some of them in a turn: a status block that was edited or removed comes back. */
  takeReading(reading: DesiredReading): Generator<void, void, void>;
  /** Writes what is still due, then nothing more. */
  stop(): Promise<void>;
}

export interface StatusMirrorOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly reader: Pick<DesiredReader, "taken" | "isTrusted">;
  /** Told right after a rename, with what the file says now. */
  readonly trustOwnWrite: (path: string, stamp: FileStamp | undefined, written: WrittenFile) => void;
}

/** Looked at in one turn of the event loop; a reading may have thousands. */
const filesPerTurn = 500;

/** Copies status into the `status:` blocks of desired/. The truth stays in the database; the user's bytes always win. */
export function createStatusMirror(options: StatusMirrorOptions): StatusMirror {
  const { store, clock, log } = options;
  const memory = createMirrorMemory();
  const replaced = createReplacedFiles({ clock, log });
  const queue = createMirrorQueue({
    clock,
    write: (path) => writeStatuses(path, options, { memory, replaced }),
    onFailure: (path, error) =>
      log.warn("status could not be written into the file", { file: path, error: String(error) }),
  });
  const watches: Disposable[] = [];

  function onChange(key: Key): void {
    const path = store.origin(key)?.file;
    const status = store.get(key)?.status;
    if (path === undefined || status === undefined) return;
    if (memory.shows(path, `${key.kind}/${key.name}`, status)) return;
    queue.add(path, "completionTime" in status);
  }

  return {
    start: () => {
      for (const kind of declaredKinds) watches.push(store.watch(kind, onChange));
    },
    *takeReading(reading) {
      if (watches.length === 0) return;
      const paths = new Set(reading.files.map((file) => file.path));
      memory.forgetAllBut(paths);
      queue.forgetAllBut(paths);
      for (const [index, { path, documents, problems }] of reading.files.entries()) {
        if (index % filesPerTurn === filesPerTurn - 1) yield;
        if (problems.length === 0 && staleDocuments(path, documents, store, memory).length > 0) queue.add(path, false);
      }
    },
    stop: async () => {
      for (const watch of watches.splice(0)) watch[Symbol.dispose]();
      await queue.stop();
      await replaced.stop();
    },
  };
}

/** True when the file was written. False when nothing was to be done, or when it is not ours to write right now. */
async function writeStatuses(
  path: string,
  options: StatusMirrorOptions,
  { memory, replaced }: { readonly memory: MirrorMemory; readonly replaced: ReplacedFiles },
): Promise<boolean> {
  const { store, log } = options;
  const read = readManifestBytes(path);
  if (!read.ok) return false;
  const file = wholeFile(path, read, options.reader);
  if (file === undefined || store.problems().some((problem) => problem.file === path)) return false;
  const before = Buffer.from(read.bytes).toString("utf8");
  const stale = staleDocuments(path, file.documents, store, memory);
  const shown = new Map<ParsedDocument, unknown>();
  let after = before;
  for (const { document, status } of stale) {
    const spliced = spliceStatus(after, document.index, status);
    if (spliced.ok) {
      after = spliced.text;
      shown.set(document, spliced.status);
      continue;
    }
    memory.giveUp(path, document, status);
    log.warn("status does not fit into the file", { file: path, reason: spliced.reason });
  }
  const told = withStatus(file, shown, after);
  if (after !== before) {
    const mode = Number((lstatBig(path)?.mode ?? 0o600n) & 0o777n);
    // The stamp last, and the rename right after it: who renames a file of his own over this one in between loses it.
    const confirm = (): boolean => sameBytes(path, read.bytes) && stampAt(path) === read.stamp;
    const bytes = Buffer.from(after, "utf8");
    const renamed = (stamp: FileStamp | undefined): void => options.trustOwnWrite(path, stamp, { bytes, file: told });
    const write = { path, old: read.bytes, bytes };
    if (!(await replaceFile(write, replaced, { mode, confirm, renamed }))) return false;
  }
  for (const { document, status } of stale) {
    const asWritten = told.documents[file.documents.indexOf(document)] ?? document;
    memory.written(path, asWritten, status);
  }
  return after !== before;
}

/**
 * What those bytes say; undefined when they have a mistake in them, or are not the bytes that were taken: somebody may be
 * half-way through a save, and the next reading comes back to it.
 */
function wholeFile(
  path: string,
  { bytes, stamp }: Extract<ManifestBytes, { ok: true }>,
  reader: StatusMirrorOptions["reader"],
): DesiredFile | undefined {
  const taken = reader.taken(path, stamp, bytes);
  if (taken === undefined && !reader.isTrusted(path, stamp)) return undefined;
  const file = taken ?? parseManifestFile(path, bytes);
  return file.problems.length > 0 ? undefined : file;
}

/** The file as it says itself now: all but status is as it was, which whoever put it in has made sure of. */
function withStatus(file: DesiredFile, shown: ReadonlyMap<ParsedDocument, unknown>, text: string): DesiredFile {
  const documents = file.documents.map((document) =>
    shown.has(document) ? { ...document, mirroredStatus: shown.get(document) } : document,
  );
  return { ...file, documents, documentLines: linesOfDocuments(text) };
}

async function replaceFile(
  { path, old, bytes }: { readonly path: string; readonly old: Uint8Array; readonly bytes: Uint8Array },
  replaced: ReplacedFiles,
  options: AtomicWriteOptions,
): Promise<boolean> {
  const held = replaced.hold(path);
  let written = false;
  try {
    written = await atomicWrite(path, bytes, options);
  } finally {
    if (written) held?.replaced(old);
    else held?.dropped();
  }
  return written;
}

interface StaleDocument {
  readonly document: ParsedDocument;
  readonly status: BaseStatus;
}

function staleDocuments(
  path: string,
  documents: readonly ParsedDocument[],
  store: ObjectStore,
  memory: MirrorMemory,
): readonly StaleDocument[] {
  return documents.flatMap((document) => {
    const key: Key = { kind: document.manifest.kind, name: document.manifest.metadata.name };
    const object = store.get(key);
    // An object on its way out has nothing to say in the file of its successor.
    if (object?.status === undefined || object.metadata.deletionTimestamp !== undefined) return [];
    if (!memory.isStale(path, document, object.status)) return [];
    const origin = store.origin(key);
    return origin?.file === path && origin.document === document.index ? [{ document, status: object.status }] : [];
  });
}

function sameBytes(path: string, bytes: Uint8Array): boolean {
  const now = readManifestBytes(path);
  return now.ok && Buffer.compare(now.bytes, bytes) === 0;
}
