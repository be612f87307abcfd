import type { Clock, Logger } from "../../reconciler/types.ts";
import type { ParsedDocument } from "../../resources/documents.ts";
import { declaredKinds } from "../../resources/kinds.ts";
import { spliceStatus } from "../../resources/splice-status.ts";
import type { BaseStatus, Key } from "../../resources/types.ts";
import type { DesiredReading, ObjectStore } from "../../store/types.ts";
import { atomicWrite, type AtomicWriteOptions } from "./atomic-write.ts";
import { lstatBig, stampAt } from "./file-stamp.ts";
import { createMirrorPace } from "./mirror-pace.ts";
import { createMirrorMemory, nameOf, type MirrorMemory } from "./mirror-memory.ts";
import type { DesiredReader } from "./read-desired.ts";
import { parseManifestFile, readManifestBytes } from "./read-manifest-file.ts";
import { createReplacedFiles, type ReplacedFiles } from "./replaced-files.ts";

/** One file is written at most this often; the last status always lands. */
const retryMs = 5000;

export interface StatusMirror {
  start(): void;
  /** Looks at every file of the newest reading: a status block that was edited or removed comes back. */
  takeReading(reading: DesiredReading): void;
  /** Writes what is still due, then nothing more. */
  stop(): Promise<void>;
}

export interface StatusMirrorOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly reader: Pick<DesiredReader, "isWhole">;
  readonly trustOwnWrite: (path: string) => void;
}

/** Copies status into the `status:` blocks of desired/. The truth stays in the database; the user's bytes always win. */
export function createStatusMirror(options: StatusMirrorOptions): StatusMirror {
  const { store, clock, log } = options;
  const memory = createMirrorMemory();
  const replaced = createReplacedFiles({ clock, log });
  const due = new Set<string>();
  const working = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  const pace = createMirrorPace(clock, stopping.signal, () => working.size);
  const watches: Disposable[] = [];

  function markDue(path: string): void {
    due.add(path);
    if (working.has(path)) return;
    const work = drain(path)
      .catch((error: unknown) => {
        log.warn("status could not be written into the file", { file: path, error: String(error) });
        return clock.sleep(retryMs, stopping.signal).then(() => void due.add(path));
      })
      .finally(() => {
        working.delete(path);
        if (due.has(path) && !stopping.signal.aborted) markDue(path);
      });
    working.set(path, work);
  }

  async function drain(path: string): Promise<void> {
    while (due.has(path)) {
      await pace.untilRipe(path);
      due.delete(path);
      if (await writeStatuses(path, options, { memory, replaced })) pace.written(path);
    }
  }

  function onChange(key: Key): void {
    const path = store.origin(key)?.file;
    const status = store.get(key)?.status;
    if (path === undefined || status === undefined) return;
    if (memory.shows(path, `${key.kind}/${key.name}`, status)) return;
    if ("completionTime" in status) pace.hurry(path);
    markDue(path);
  }

  return {
    start: () => {
      for (const kind of declaredKinds) watches.push(store.watch(kind, onChange));
    },
    takeReading: (reading) => {
      if (watches.length === 0) return;
      const paths = new Set(reading.files.map((file) => file.path));
      memory.forgetAllBut(paths);
      pace.forgetAllBut(paths);
      for (const { path, documents, problems } of reading.files) {
        if (problems.length === 0 && staleDocuments(path, documents, store, memory).length > 0) markDue(path);
      }
    },
    stop: async () => {
      for (const watch of watches.splice(0)) watch[Symbol.dispose]();
      stopping.abort();
      await Promise.all(working.values());
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
  // Not the bytes that were taken (somebody may be half-way through a save): the next reading comes back to it.
  if (!read.ok || !options.reader.isWhole(path, read.stamp)) return false;
  const parsed = parseManifestFile(path, read.bytes);
  if (parsed.problems.length > 0 || store.problems().some((problem) => problem.file === path)) return false;
  const before = Buffer.from(read.bytes).toString("utf8");
  const stale = staleDocuments(path, parsed.documents, store, memory);
  let after = before;
  for (const { document, status } of stale) {
    const spliced = spliceStatus(after, document.index, status);
    if (spliced.ok) {
      after = spliced.text;
      continue;
    }
    memory.giveUp(path, document, status);
    log.warn("status does not fit into the file", { file: path, reason: spliced.reason });
  }
  if (after !== before) {
    const mode = Number((lstatBig(path)?.mode ?? 0o600n) & 0o777n);
    const confirm = (): boolean => stampAt(path) === read.stamp && sameBytes(path, read.bytes);
    const renamed = (): void => options.trustOwnWrite(path);
    const write = { path, old: read.bytes, text: after };
    if (!(await replaceFile(write, replaced, { mode, confirm, renamed }))) return false;
  }
  for (const { document, status } of stale) memory.written(path, nameOf(document), status);
  return after !== before;
}

async function replaceFile(
  { path, old, text }: { readonly path: string; readonly old: Uint8Array; readonly text: string },
  replaced: ReplacedFiles,
  options: AtomicWriteOptions,
): Promise<boolean> {
  const held = replaced.hold(path);
  let written = false;
  try {
    written = await atomicWrite(path, text, options);
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
