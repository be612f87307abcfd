import { dirname } from "node:path";
import type { ParsedDocument, Problem } from "../resources/documents.ts";
import type { DeclaredKind } from "../resources/types.ts";
import { conflictProblems, directoryProblems, emptiedProblems, unreadableProblems } from "./desired-problems.ts";
import { idOf, manifestKey } from "./object-drafts.ts";
import type { DesiredFile, DesiredReading } from "./types.ts";

/** How long a document may be missing before its object is deleted: longer than any editor's or git's rename dance. */
export const vanishGraceMs = 2000;

export interface DeclaredKey {
  readonly kind: DeclaredKind;
  readonly name: string;
}
export interface KnownObject {
  readonly key: DeclaredKey;
  /** The file it came from; objects without one are not the business of desired/. */
  readonly file?: string;
  readonly deleting: boolean;
}
/** A document together with the place it lies in. */
export interface PlacedDocument {
  readonly file: string;
  readonly line: number;
  readonly document: ParsedDocument;
}

export type HoldReason = "FileHasProblem" | "FileEmptied" | "Unreadable" | "DirectoryVanished" | "Conflict";
export type DesiredDecision =
  | { readonly type: "create" | "update"; readonly key: DeclaredKey; readonly placed: PlacedDocument }
  /** The old object is still being deleted; the new one is created after it is gone. */
  | { readonly type: "waitForRemoval"; readonly key: DeclaredKey; readonly placed: PlacedDocument }
  /** The last good version stays in force. */
  | { readonly type: "hold"; readonly key: DeclaredKey; readonly reason: HoldReason }
  | { readonly type: "grace"; readonly key: DeclaredKey; readonly sinceMs: number }
  | { readonly type: "delete"; readonly key: DeclaredKey };

export interface DesiredDiff {
  readonly decisions: readonly DesiredDecision[];
  readonly problems: readonly Problem[];
  /** When each document that is missing now was first missed, in ms. */
  readonly missingSince: ReadonlyMap<string, number>;
}

export interface DesiredDiffInput {
  readonly known: readonly KnownObject[];
  readonly reading: DesiredReading;
  readonly missingSince: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/**
 * What one reading of desired/ asks of the objects there are. Pure; knows the present reading only, never its events. Yields
 * between pieces of work that take about as long as each other when there are thousands of files.
 */
export function* diffDesired(input: DesiredDiffInput): Generator<void, DesiredDiff, void> {
  const { reading } = input;
  const placed = placeDocuments(reading.files);
  yield;
  const known = new Map(input.known.map((object) => [idOf(object.key), object]));
  yield;
  const declared = [...placed].map(([id, places]) => decideDeclared(places, known.get(id)));
  yield;
  const surroundings = surveyReading(reading);
  const absent = input.known
    .filter((object) => object.file !== undefined && !object.deleting && !placed.has(idOf(object.key)))
    .map((object) => decideAbsent(object, surroundings, input));
  const decisions = [...declared.filter((decision) => decision !== undefined), ...absent];
  yield;
  return {
    decisions,
    problems: [
      ...reading.files.flatMap((file) => file.problems),
      ...[...placed.values()].flatMap(conflictProblems),
      ...unreadableProblems(reading),
      ...directoryProblems(heldObjects("DirectoryVanished", decisions, known), reading.listedDirectories),
      ...emptiedProblems(heldObjects("FileEmptied", decisions, known)),
    ],
    missingSince: new Map(
      decisions.flatMap((decision) => (decision.type === "grace" ? [[idOf(decision.key), decision.sinceMs]] : [])),
    ),
  };
}

function placeDocuments(files: readonly DesiredFile[]): ReadonlyMap<string, readonly PlacedDocument[]> {
  const placed = new Map<string, PlacedDocument[]>();
  for (const file of files) {
    for (const document of file.documents) {
      const id = idOf(manifestKey(document.manifest));
      const places = placed.get(id) ?? [];
      places.push({ file: file.path, line: file.documentLines?.[document.index] ?? 1, document });
      placed.set(id, places);
    }
  }
  return placed;
}

function decideDeclared(
  places: readonly PlacedDocument[],
  object: KnownObject | undefined,
): DesiredDecision | undefined {
  const [placed] = places;
  if (placed === undefined) return undefined;
  const key = manifestKey(placed.document.manifest);
  if (places.length > 1) return object === undefined ? undefined : { type: "hold", key, reason: "Conflict" };
  if (object === undefined) return { type: "create", key, placed };
  return { type: object.deleting ? "waitForRemoval" : "update", key, placed };
}

interface Surroundings {
  readonly filesWithProblems: ReadonlySet<string>;
  /** Nothing in them, or comments only: what a crash in the middle of a save leaves, and no way to say "delete". */
  readonly emptyFiles: ReadonlySet<string>;
  readonly idsWithProblems: ReadonlySet<string>;
  readonly listed: ReadonlySet<string>;
  readonly unreadable: ReadonlySet<string>;
}

function surveyReading(reading: DesiredReading): Surroundings {
  const problems = reading.files.flatMap((file) => file.problems);
  return {
    filesWithProblems: new Set(reading.files.filter((file) => file.problems.length > 0).map((file) => file.path)),
    emptyFiles: new Set(
      reading.files.filter((file) => file.problems.length + file.documents.length === 0).map((file) => file.path),
    ),
    idsWithProblems: new Set(problems.map((problem) => `${problem.kind ?? ""}/${problem.name ?? ""}`)),
    listed: new Set(reading.listedDirectories),
    unreadable: new Set(reading.unreadable.map((entry) => entry.path)),
  };
}

function decideAbsent(object: KnownObject, surroundings: Surroundings, input: DesiredDiffInput): DesiredDecision {
  const { key, file = "" } = object;
  const id = idOf(key);
  if (surroundings.filesWithProblems.has(file) || surroundings.idsWithProblems.has(id)) {
    return { type: "hold", key, reason: "FileHasProblem" };
  }
  if (surroundings.emptyFiles.has(file)) return { type: "hold", key, reason: "FileEmptied" };
  if (isBelow(file, surroundings.unreadable)) return { type: "hold", key, reason: "Unreadable" };
  if (!surroundings.listed.has(dirname(file))) return { type: "hold", key, reason: "DirectoryVanished" };
  // A clock that was set back starts the grace again rather than stretching it.
  const sinceMs = Math.min(input.missingSince.get(id) ?? input.nowMs, input.nowMs);
  if (input.nowMs - sinceMs >= vanishGraceMs) return { type: "delete", key };
  return { type: "grace", key, sinceMs };
}

function isBelow(path: string, tops: ReadonlySet<string>): boolean {
  if (tops.size === 0) return false;
  for (let at = path; ; at = dirname(at)) {
    if (tops.has(at)) return true;
    if (dirname(at) === at) return false;
  }
}

function heldObjects(
  reason: HoldReason,
  decisions: readonly DesiredDecision[],
  known: ReadonlyMap<string, KnownObject>,
): readonly { readonly key: DeclaredKey; readonly file: string }[] {
  return decisions.flatMap((decision) => {
    if (decision.type !== "hold" || decision.reason !== reason) return [];
    return [{ key: decision.key, file: known.get(idOf(decision.key))?.file ?? "" }];
  });
}
