import { sameContent } from "../resources/canonical.ts";
import { editDocument, renderManifest } from "../resources/edit-document.ts";
import { spliceStatus } from "../resources/splice-status.ts";
import { mergeManifests } from "../resources/three-way.ts";
import type { Manifest } from "../resources/types.ts";
import { validateManifest } from "../resources/validate.ts";
import type { AppliedRow } from "./database.ts";
import type { ApplyConflict, ApplyResult } from "./declared.ts";
import { InvalidResourceError } from "./declared-errors.ts";
import type { DeclaredKey } from "./desired-diff.ts";
import type { FileEdit } from "./desired-files.ts";
import { wholeProblem, type LiveDocument } from "./live-document.ts";
import { manifestKey } from "./object-drafts.ts";

/** One document of the input. */
export interface AppliedDocument {
  readonly manifest: Manifest;
  /** Its own bytes, a sound file of one document by themselves. */
  readonly text: string;
}

export interface ApplyPlan {
  readonly results: readonly ApplyResult[];
  readonly conflicts: readonly ApplyConflict[];
  readonly edits: readonly FileEdit[];
}

export interface ApplySurroundings {
  live(key: DeclaredKey): LiveDocument | undefined;
  lastApplied(key: DeclaredKey): AppliedRow | undefined;
  /** Where a document that is new goes; never the same path twice in one plan. */
  newPath(key: DeclaredKey): string;
  readonly forceConflicts: boolean;
}

/** What applying the documents would do to the files. Touches nothing. */
export function planApply(input: readonly AppliedDocument[], around: ApplySurroundings): ApplyPlan {
  const results: ApplyResult[] = [];
  const conflicts: ApplyConflict[] = [];
  const edits = new Map<string, FileEdit>();
  for (const document of input) {
    const key = manifestKey(document.manifest);
    const live = around.live(key);
    if (live === undefined) {
      const path = around.newPath(key);
      edits.set(path, { path, text: document.text });
      results.push({ ...key, action: "created", file: path, after: renderManifest(document.manifest) });
      continue;
    }
    const row = around.lastApplied(key);
    const merge = mergeDocument(document, live, row, around.forceConflicts);
    conflicts.push(...merge.conflicts);
    const file = live.snapshot.path;
    if (sameContent(merge.merged, live.manifest)) {
      results.push({ ...key, action: "unchanged", file });
      continue;
    }
    const before = edits.get(file)?.text ?? live.snapshot.text;
    const text = replacesWholly(document, merge.merged, live, row)
      ? document.text
      : editDocument(before, live.index, merge.merged);
    edits.set(file, { path: file, text, basedOn: live.snapshot.version });
    results.push({
      ...key,
      action: "configured",
      file,
      before: renderManifest(live.manifest),
      after: renderManifest(merge.merged),
    });
  }
  return { results, conflicts, edits: [...edits.values()] };
}

function mergeDocument(
  document: AppliedDocument,
  live: LiveDocument,
  row: AppliedRow | undefined,
  force: boolean,
): { readonly merged: Manifest; readonly conflicts: readonly ApplyConflict[] } {
  const base = row?.manifest;
  const key = manifestKey(document.manifest);
  const merge = mergeManifests({
    ...(base === undefined ? {} : { base }),
    live: live.manifest,
    input: document.manifest,
  });
  if (merge.conflicts.length > 0 && !force) {
    return { merged: live.manifest, conflicts: merge.conflicts.map((conflict) => ({ ...key, ...conflict })) };
  }
  const [issue] = validateManifest(merge.merged);
  if (issue !== undefined) {
    const message = `together with the edits in ${live.snapshot.path}: ${issue.message}`;
    throw new InvalidResourceError([wholeProblem(live.snapshot.path, message, { ...key, path: issue.path })]);
  }
  return { merged: merge.merged, conflicts: [] };
}

/**
 * Nobody touched the file since it was applied (homie's own status block aside), so the new bytes, comments and all,
 * take the place of the old ones.
 */
function replacesWholly(
  document: AppliedDocument,
  merged: Manifest,
  live: LiveDocument,
  row: AppliedRow | undefined,
): boolean {
  if (row?.text === undefined || live.documentsInFile !== 1) return false;
  if (!sameContent(merged, document.manifest)) return false;
  if (row.text === live.snapshot.text) return true;
  if (live.mirroredStatus === undefined) return false;
  const mirrored = spliceStatus(row.text, 0, live.mirroredStatus);
  return mirrored.ok && mirrored.text === live.snapshot.text;
}
