import type { EventRecorder, Logger } from "../reconciler/types.ts";
import { sameContent } from "../resources/canonical.ts";
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

/** Changes in one transaction and in one turn of the event loop; a git checkout may bring thousands. */
const perTurn = 50;

export interface DesiredTaker {
  /** Yields between transactions: other work may go on meanwhile, but no other take. */
  take(reading: DesiredReading, now: Date): Generator<void, DesiredOutcome, void>;
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

/** What a reading cannot say: how long something has been missing, and what it was compared with. */
interface TakerMemory {
  /** The sound documents of the newest reading, by object. */
  readonly declared: Map<string, PlacedDocument>;
  readonly missingSince: Map<string, number>;
  /** The very document an object was last compared with: an unchanged file costs no comparison. */
  readonly compared: Map<string, ParsedDocument>;
}

/** Makes the objects agree with desired/. */
export function createDesiredTaker(options: DesiredTakerOptions): DesiredTaker {
  const { table } = options;
  const memory: TakerMemory = { declared: new Map(), missingSince: new Map(), compared: new Map() };
  const report = createDesiredReport(options);
  return {
    *take(reading, now) {
      const { missingSince } = memory;
      const known = knownObjects(table);
      yield;
      const diff = yield* diffDesired({ known, reading, missingSince, nowMs: now.getTime() });
      yield;
      remember(diff, memory);
      let changed = 0;
      let changes: ObjectChange[] = [];
      let decisions: DesiredDecision[] = [];
      for (const decision of diff.decisions) {
        const change = changeFor(decision, table, memory, now);
        decisions.push(decision);
        if (change !== undefined) changes.push(change);
        if (changes.length < perTurn) continue;
        commit(changes, decisions, options, memory);
        changed += changes.length;
        [changes, decisions] = [[], []];
        yield;
      }
      commit(changes, decisions, options, memory);
      changed += changes.length;
      report.take(diff);
      const graces = [...diff.missingSince.values()];
      if (graces.length === 0) return { changed };
      return { changed, nextGraceAt: new Date(Math.min(...graces) + vanishGraceMs) };
    },
    declared: (key) => memory.declared.get(idOf(key)),
    problems: report.problems,
  };
}

/** Watches hear of changes inside commit and may ask for what is declared: it has to be the new reading. */
function remember(diff: DesiredDiff, { declared, missingSince, compared }: TakerMemory): void {
  declared.clear();
  missingSince.clear();
  for (const [id, since] of diff.missingSince) missingSince.set(id, since);
  for (const decision of diff.decisions) if ("placed" in decision) declared.set(idOf(decision.key), decision.placed);
  for (const id of compared.keys()) if (!declared.has(id)) compared.delete(id);
}

function changeFor(
  decision: DesiredDecision,
  table: ObjectTable,
  { compared }: TakerMemory,
  now: Date,
): ObjectChange | undefined {
  const saved = table.get(decision.key);
  // Somebody made it since the reading was compared: the next one sees it.
  if (decision.type === "create") return saved === undefined ? creation(table, decision.placed, now) : undefined;
  if (saved === undefined) return undefined;
  if (decision.type === "delete") return deletion(table, saved, now);
  if (decision.type !== "update" && decision.type !== "waitForRemoval") return undefined;
  // An object on its way out keeps its content; only where its successor waits is noted.
  const leaves = decision.type === "waitForRemoval" || saved.object.metadata.deletionTimestamp !== undefined;
  const isCompared = leaves || compared.get(idOf(decision.key)) === decision.placed.document;
  return update(table, saved, decision.placed, isCompared);
}

function commit(
  changes: readonly ObjectChange[],
  decisions: readonly DesiredDecision[],
  { table, database }: DesiredTakerOptions,
  { compared }: TakerMemory,
): void {
  const forgetApplied = (): void => {
    for (const { type, key } of decisions) if (type === "delete") database.lastApplied.remove(key.kind, key.name);
  };
  if (changes.length > 0) table.commit(changes, forgetApplied);
  // Only what is in the database by now: had it thrown, the same document would have to be compared again.
  for (const decision of decisions) {
    if (decision.type === "waitForRemoval") compared.delete(idOf(decision.key));
    else if ("placed" in decision) compared.set(idOf(decision.key), decision.placed.document);
  }
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
  isCompared: boolean,
): ObjectChange | undefined {
  const source = sourceOf(placed);
  const object = isCompared
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
  const sameSpec = sameContent(object.spec, manifest.spec);
  const sameTags =
    sameContent(object.metadata.labels ?? {}, labels ?? {}) &&
    sameContent(object.metadata.annotations ?? {}, annotations ?? {});
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
