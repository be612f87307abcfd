import { isAbsolute, relative, resolve } from "node:path";
import { sameContent } from "../resources/canonical.ts";
import { ConflictError } from "../resources/errors.ts";
import type { Resource } from "../resources/types.ts";
import { planApply, type AppliedDocument, type ApplyPlan } from "./apply-plan.ts";
import type { AppliedRow, StoreDatabase } from "./database.ts";
import type { ApplyOutcome, ApplyRequest, ApplyResult, DeclaredWriter } from "./declared.ts";
import { ApplyConflictError } from "./declared-errors.ts";
import { choosePath } from "./declared-paths.ts";
import { createDeclaredEdits } from "./declared-edits.ts";
import type { DesiredFiles } from "./desired-files.ts";
import { parseInput } from "./input-documents.ts";
import { readLiveDocument, requireNoHeldObjects } from "./live-document.ts";
import { manifestKey } from "./object-drafts.ts";
import type { ObjectStore } from "./types.ts";

/** How often a write starts again because the user saved the same file in between. */
export const writeAttempts = 5;

export interface DeclaredWriterOptions {
  readonly paths: { readonly desired: string };
  readonly store: ObjectStore;
  readonly database: Pick<StoreDatabase, "lastApplied" | "transaction">;
  readonly files: DesiredFiles;
  readonly loop: { rescan(): Promise<void> };
  readonly now: () => Date;
}

/** The only writer of specs into desired/, daemon or not. Calls queue up, so each sees what the one before it wrote. */
export function createDeclaredWriter(options: DeclaredWriterOptions): DeclaredWriter {
  const edits = createDeclaredEdits(options);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.catch(() => undefined).then(work);
    last = turn;
    return turn;
  };
  return {
    apply: (request) => inTurn(() => apply(request, options)),
    write: (manifest, how) => inTurn(() => edits.write(manifest, how)),
    remove: (key, how) => inTurn(() => edits.remove(key, how)),
  };
}

async function apply(request: ApplyRequest, options: DeclaredWriterOptions): Promise<ApplyOutcome> {
  const input = parseInput(request.text, request.file);
  const before = new Map(input.map(({ manifest }) => [manifest, options.store.get(manifestKey(manifest))]));
  for (let attempt = 1; attempt <= writeAttempts; attempt += 1) {
    await options.loop.rescan();
    if (liesInDesired(request, input, options))
      return { results: input.map((document) => inPlace(document, before, options)) };
    const plan = planFor(input, request, options);
    if (plan.conflicts.length > 0) throw new ApplyConflictError(plan.conflicts);
    if (request.dryRun === true) return { results: plan.results };
    promiseBaseDirectories(input, request, options);
    if (options.files.write(plan.edits).ok) {
      recordApplied(input, request, options);
      await options.loop.rescan();
      return { results: plan.results };
    }
  }
  throw new ConflictError(`cannot apply ${request.file}: the files in ${options.paths.desired} keep changing`);
}

function planFor(input: readonly AppliedDocument[], request: ApplyRequest, options: DeclaredWriterOptions): ApplyPlan {
  const { store, database, files, paths } = options;
  const promised = new Set<string>();
  return planApply(input, {
    live: (key) => readLiveDocument(key, store, files),
    lastApplied: (key) => database.lastApplied.get(key.kind, key.name),
    newPath: (key) => {
      const path = choosePath(paths.desired, key, (each) => promised.has(each) || files.exists(each));
      promised.add(path);
      requireNoHeldObjects(path, store, files);
      return path;
    },
    forceConflicts: request.forceConflicts === true,
  });
}

/** Set before a file appears, so that no reading ever resolves its relative paths from the wrong place. */
function promiseBaseDirectories(
  input: readonly AppliedDocument[],
  request: ApplyRequest,
  options: DeclaredWriterOptions,
): void {
  const { baseDirectory } = request;
  putApplied(input, options, (_, before) => ({ ...before, baseDirectory }));
}

/** After the files: killed in between, the next apply finds both sides changed alike, which is no conflict. */
function recordApplied(input: readonly AppliedDocument[], request: ApplyRequest, options: DeclaredWriterOptions): void {
  const { baseDirectory } = request;
  putApplied(input, options, ({ manifest, text }) => ({ manifest, text, baseDirectory }));
}

function putApplied(
  input: readonly AppliedDocument[],
  options: DeclaredWriterOptions,
  rowFor: (document: AppliedDocument, before: AppliedRow | undefined) => AppliedRow,
): void {
  const { lastApplied, transaction } = options.database;
  const changed = input.flatMap((document) => {
    const { kind, name } = manifestKey(document.manifest);
    const before = lastApplied.get(kind, name);
    const row = rowFor(document, before);
    return sameContent(row, before ?? {}) ? [] : [{ kind, name, row }];
  });
  if (changed.length === 0) return;
  transaction(() => {
    for (const { kind, name, row } of changed) lastApplied.put(kind, name, row);
  });
}

/** `homie apply -f ~/.homie/desired/jobs/x.yaml`: the file is where it belongs already and only has to be read. */
function liesInDesired(
  request: ApplyRequest,
  input: readonly AppliedDocument[],
  options: DeclaredWriterOptions,
): boolean {
  const path = resolve(request.baseDirectory, request.file);
  const within = relative(options.paths.desired, path);
  if (within === "" || within.startsWith("..") || isAbsolute(within)) return false;
  return input.every(({ manifest }) => {
    const key = manifestKey(manifest);
    if (options.store.origin(key)?.file !== path) return false;
    return sameContent(options.store.get(key)?.spec, manifest.spec);
  });
}

function inPlace(
  { manifest }: AppliedDocument,
  before: ReadonlyMap<unknown, Resource | undefined>,
  options: DeclaredWriterOptions,
): ApplyResult {
  const key = manifestKey(manifest);
  const old = before.get(manifest);
  const file = options.store.origin(key)?.file ?? "";
  const stored = options.store.get(key);
  if (old === undefined || old.metadata.uid !== stored?.metadata.uid) return { ...key, action: "created", file };
  const same = old.metadata.generation === stored.metadata.generation;
  return { ...key, action: same ? "unchanged" : "configured", file };
}
