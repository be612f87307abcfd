import { sameContent } from "../resources/canonical.ts";
import { editDocument, removeDocument, renderManifest } from "../resources/edit-document.ts";
import { ConflictError, HomieError } from "../resources/errors.ts";
import { parseManifests } from "../resources/parse.ts";
import type { Key, Manifest, Resource } from "../resources/types.ts";
import { validateManifest } from "../resources/validate.ts";
import { InvalidResourceError } from "./declared-errors.ts";
import type { WriteOptions } from "./declared.ts";
import { choosePath } from "./declared-paths.ts";
import type { DeclaredWriterOptions } from "./declared-writer.ts";
import type { DeclaredKey } from "./desired-diff.ts";
import type { FileEdit, FileSnapshot } from "./desired-files.ts";
import { readLiveDocument, requireNoHeldObjects, wholeProblem } from "./live-document.ts";
import { draftOf, isDeclaredKind, manifestKey, newObject, timestampOf, withMetadata } from "./object-drafts.ts";
import { withManifest } from "./take-desired.ts";

/** Writes and removals of single objects, as the API asks for them. */
export interface DeclaredEdits {
  write(manifest: Manifest, how: WriteOptions): Promise<Resource>;
  remove(key: Key, how?: { readonly dryRun?: boolean; readonly uid?: string }): Promise<Resource>;
}

export function createDeclaredEdits(options: DeclaredWriterOptions): DeclaredEdits {
  const { store, files, loop, database } = options;

  /** Writes one file and reads it; a user who saved it in the meantime wins. */
  async function publish(edit: FileEdit): Promise<void> {
    const written = files.write([edit]);
    if (!written.ok)
      throw new ConflictError(`cannot write ${written.changed}: it has just been changed by somebody else`);
    await loop.rescan();
  }

  return {
    write: async (manifest, how) => {
      requireValid(manifest);
      await loop.rescan();
      const key = manifestKey(manifest);
      const existing = store.get(key);
      requireExpected(key, existing, how);
      const replaced =
        existing === undefined ? undefined : withManifest(existing, manifest, () => existing.metadata.resourceVersion);
      if (how.dryRun === true) return replaced ?? newObject(draftOf(manifest), store.currentVersion(), options.now());
      if (existing !== undefined && replaced === existing && existing.metadata.deletionTimestamp === undefined)
        return existing;
      await publish(editFor(manifest, existing, options));
      const stored = store.get(key);
      if (stored !== undefined && matches(stored, manifest)) return stored;
      const troubles = store.problems().filter((problem) => problem.kind === key.kind && problem.name === key.name);
      if (troubles.length > 0) throw new InvalidResourceError(troubles);
      throw new ConflictError(
        `cannot confirm ${key.kind} "${key.name}": the object or its file has just changed again`,
      );
    },
    remove: async (key, how = {}) => {
      await loop.rescan();
      const object = store.get(key);
      if (object === undefined) throw new HomieError("NotFound", `cannot find ${key.kind} "${key.name}"`);
      if (how.uid !== undefined && how.uid !== object.metadata.uid) {
        throw new ConflictError(
          `cannot delete ${key.kind} "${key.name}": it is another object now (uid ${object.metadata.uid})`,
        );
      }
      const marked = withMetadata(object, {
        deletionTimestamp: object.metadata.deletionTimestamp ?? timestampOf(options.now()),
      });
      if (how.dryRun === true) return marked;
      await takeOutOfFile(key, options, publish);
      store.delete(key);
      if (isDeclaredKind(key.kind)) database.lastApplied.remove(key.kind, key.name);
      return store.get(key) ?? marked;
    },
  };
}

async function takeOutOfFile(
  key: Key,
  options: DeclaredWriterOptions,
  publish: (edit: FileEdit) => Promise<void>,
): Promise<void> {
  if (!isDeclaredKind(key.kind)) return;
  const broken = brokenFileOf({ kind: key.kind, name: key.name }, options);
  if (broken !== undefined) return publish({ path: broken.path, basedOn: broken.version });
  const live = readLiveDocument({ kind: key.kind, name: key.name }, options.store, options.files);
  if (live === undefined) return;
  const { path, text, version } = live.snapshot;
  const rest = removeDocument(text, live.index);
  await publish({ path, basedOn: version, ...(rest === undefined ? {} : { text: rest }) });
}

/**
 * A file that holds nothing but a broken version of this object: nothing can be taken out of it, and whoever deletes the
 * object means the file. With anything else in it, it is left to be mended.
 */
function brokenFileOf(key: DeclaredKey, { store, files }: DeclaredWriterOptions): FileSnapshot | undefined {
  const origin = store.origin(key);
  const snapshot = origin === undefined ? undefined : files.read(origin.file);
  if (snapshot === undefined) return undefined;
  const { documents, problems } = parseManifests(snapshot.text, snapshot.path);
  const onlyThis = problems.every(
    ({ document, kind, name }) => document === 0 && kind === key.kind && name === key.name,
  );
  return problems.length > 0 && documents.length === 0 && onlyThis ? snapshot : undefined;
}

function editFor(manifest: Manifest, existing: Resource | undefined, options: DeclaredWriterOptions): FileEdit {
  const key = manifestKey(manifest);
  const live = readLiveDocument(key, options.store, options.files);
  if (live === undefined) {
    const path = choosePath(options.paths.desired, key, options.files.exists);
    requireNoHeldObjects(path, options.store, options.files);
    return { path, text: renderManifest(manifest) };
  }
  const taken =
    existing === undefined || existing.metadata.deletionTimestamp !== undefined || matches(existing, live.manifest);
  if (!taken)
    throw new ConflictError(
      `cannot write ${key.kind} "${key.name}": ${live.snapshot.path} has changed and was not read yet`,
    );
  const { path, text, version } = live.snapshot;
  return { path, text: editDocument(text, live.index, manifest), basedOn: version };
}

function requireValid(manifest: Manifest): void {
  const issues = validateManifest(manifest);
  if (issues.length === 0) return;
  const { kind, metadata } = manifest;
  throw new InvalidResourceError(
    issues.map(({ path, message, hint }) =>
      wholeProblem("request", message, { path, kind, name: metadata?.name, ...(hint === undefined ? {} : { hint }) }),
    ),
  );
}

function requireExpected(key: Key, existing: Resource | undefined, how: WriteOptions): void {
  const what = `${key.kind} "${key.name}"`;
  if (how.mode === "create" && existing !== undefined) {
    throw new HomieError("AlreadyExists", `cannot create ${what}: it already exists`);
  }
  if (how.mode === "replace" && existing === undefined) throw new HomieError("NotFound", `cannot find ${what}`);
  if (how.mode === "replace" && existing?.metadata.deletionTimestamp !== undefined) {
    throw new ConflictError(`cannot write ${what}: it is being deleted`);
  }
  requireVersion(what, existing?.metadata.resourceVersion ?? "none", how.expectedVersion);
}

function requireVersion(what: string, newest: string, expected: string | undefined): void {
  if (expected === undefined || expected === newest) return;
  throw new ConflictError(`cannot write ${what}: it changed (version ${newest}, not ${expected})`);
}

/** True also for an object that is leaving and whose successor waits in the file. */
function matches(stored: Resource, manifest: Manifest): boolean {
  return stored.metadata.deletionTimestamp !== undefined || sameContent(stored.spec, manifest.spec);
}
