import type { EventRecorder, Logger } from "../reconciler/types.ts";
import { canonicalJson } from "../resources/canonical.ts";
import type { ParsedDocument, Problem } from "../resources/documents.ts";
import { declaredKinds } from "../resources/kinds.ts";
import type { Key, Manifest, Resource } from "../resources/types.ts";
import type { SavedObject, StoreDatabase } from "./database.ts";
import {
  diffDesired,
  vanishGraceMs,
  type DesiredDecision,
  type DesiredDiff,
  type KnownObject,
  type PlacedDocument,
} from "./desired-diff.ts";
import { createDesiredReport } from "./desired-report.ts";
import { draftOf, idOf, newObject, ownCopy, timestampOf, withMetadata } from "./object-drafts.ts";
import type { ObjectChange, ObjectTable } from "./object-table.ts";
import type { DesiredOutcome, DesiredReading } from "./types.ts";

export interface DesiredTaker {
  take(reading: DesiredReading, now: Date): DesiredOutcome;
  /** The sound document of an object in the newest reading. */
  declared(key: Key): PlacedDocument | undefined;
  problems(): readonly Problem[];
}

export interface DesiredTakerOptions {
  readonly table: ObjectTable;
  readonly database: StoreDatabase;
  readonly events: EventRecorder;
  readonly log: Logger;
}

/** Makes the objects agree with desired/. Keeps only what a reading cannot say: how long something has been missing. */
export function createDesiredTaker(options: DesiredTakerOptions): DesiredTaker {
  const { table, database } = options;
  const declared = new Map<string, PlacedDocument>();
  const missingSince = new Map<string, number>();
  // The very document an object was last compared with: an unchanged file costs no comparison.
  const compared = new Map<string, ParsedDocument>();
  const report = createDesiredReport(options);

  function changeFor(decision: DesiredDecision, now: Date): ObjectChange | undefined {
    if (decision.type === "create") return creation(table, decision.placed, now);
    const saved = table.get(decision.key);
    if (saved === undefined) return undefined;
    if (decision.type === "delete") return deletion(table, saved, now);
    if (decision.type !== "update" && decision.type !== "waitForRemoval") return undefined;
    // An object on its way out keeps its content; only where its successor waits is noted.
    const sameContent =
      decision.type === "waitForRemoval" || compared.get(idOf(decision.key)) === decision.placed.document;
    return update(table, saved, decision.placed, sameContent);
  }

  function remember(diff: DesiredDiff): void {
    declared.clear();
    compared.clear();
    missingSince.clear();
    for (const [id, since] of diff.missingSince) missingSince.set(id, since);
    for (const decision of diff.decisions) {
      if (!("placed" in decision)) continue;
      declared.set(idOf(decision.key), decision.placed);
      if (decision.type !== "waitForRemoval") compared.set(idOf(decision.key), decision.placed.document);
    }
  }

  return {
    take: (reading, now) => {
      const diff = diffDesired({ known: knownObjects(table), reading, missingSince, nowMs: now.getTime() });
      const changes = diff.decisions
        .map((decision) => changeFor(decision, now))
        .filter((change) => change !== undefined);
      if (changes.length > 0) {
        const forgetApplied = (): void => {
          for (const decision of diff.decisions) {
            if (decision.type === "delete") database.lastApplied.remove(decision.key.kind, decision.key.name);
          }
        };
        // Watches hear of the changes inside commit and may ask for what is declared: it has to be the new reading.
        remember(diff);
        table.commit(changes, forgetApplied);
      }
      remember(diff);
      report.take(diff);
      const graces = [...diff.missingSince.values()];
      if (graces.length === 0) return { changed: changes.length };
      return { changed: changes.length, nextGraceAt: new Date(Math.min(...graces) + vanishGraceMs) };
    },
    declared: (key) => declared.get(idOf(key)),
    problems: report.problems,
  };
}

function knownObjects(table: ObjectTable): readonly KnownObject[] {
  return declaredKinds.flatMap((kind) =>
    table.list(kind).map(({ object, source }) => ({
      key: { kind, name: object.metadata.name },
      deleting: object.metadata.deletionTimestamp !== undefined,
      ...(source === undefined ? {} : { file: source.file }),
    })),
  );
}

export function creation(table: ObjectTable, placed: PlacedDocument, now: Date): ObjectChange {
  const object = newObject(draftOf(placed.document.manifest), table.nextVersion(), now, table.nextUid());
  return { type: "put", saved: { object, source: sourceOf(placed) } };
}

function update(
  table: ObjectTable,
  saved: SavedObject,
  placed: PlacedDocument,
  sameContent: boolean,
): ObjectChange | undefined {
  const source = sourceOf(placed);
  const object = sameContent
    ? saved.object
    : withManifest(saved.object, placed.document.manifest, () => table.nextVersion());
  const moved = saved.source?.file !== source.file || saved.source.document !== source.document;
  if (object === saved.object && !moved) return undefined;
  return { type: "put", saved: { object, source } };
}

/** First step of a deletion: the mark, or the removal itself when nobody has to clean up. Undefined when already marked. */
export function deletion(table: ObjectTable, saved: SavedObject, now: Date): ObjectChange | undefined {
  const { metadata } = saved.object;
  if ((metadata.finalizers ?? []).length === 0) return removal(table, saved);
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const changes = { resourceVersion: table.nextVersion(), deletionTimestamp: timestampOf(now) };
  return { type: "put", saved: { ...saved, object: withMetadata(saved.object, changes) } };
}

export function removal(table: ObjectTable, saved: SavedObject): ObjectChange {
  const object = withMetadata(saved.object, { resourceVersion: table.nextVersion(), finalizers: undefined });
  return { type: "remove", saved: { ...saved, object } };
}

/** The object as the manifest wants it; the very same object when there is nothing to change. */
export function withManifest(object: Resource, manifest: Manifest, nextVersion: () => string): Resource {
  const { labels, annotations } = manifest.metadata;
  const sameSpec = canonicalJson(object.spec) === canonicalJson(manifest.spec);
  const sameTags =
    canonicalJson(object.metadata.labels ?? {}) === canonicalJson(labels ?? {}) &&
    canonicalJson(object.metadata.annotations ?? {}) === canonicalJson(annotations ?? {});
  if (sameSpec && sameTags) return object;
  const changed = withMetadata(object, {
    resourceVersion: nextVersion(),
    generation: object.metadata.generation + (sameSpec ? 0 : 1),
    labels: labels === undefined ? undefined : ownCopy(labels),
    annotations: annotations === undefined ? undefined : ownCopy(annotations),
  });
  return sameSpec ? changed : { ...changed, spec: ownCopy(manifest.spec) };
}

function sourceOf(placed: PlacedDocument): NonNullable<SavedObject["source"]> {
  return { file: placed.file, document: placed.document.index };
}
