import { randomUUID } from "node:crypto";
import type { Logger } from "../reconciler/types.ts";
import type { Key, Kind } from "../resources/types.ts";
import type { SavedObject, StoreDatabase } from "./database.ts";
import { keyOf } from "./object-drafts.ts";
import type { WatchEvent } from "./types.ts";
import { createWatchHub, type WatchHub } from "./watch-hub.ts";

export type ObjectChange =
  | { readonly type: "put"; readonly saved: SavedObject }
  /** `saved.object` is the last word on the object, already carrying its own new version. */
  | { readonly type: "remove"; readonly saved: SavedObject };

/** All objects in memory, every change written through, and the watches on them. */
export interface ObjectTable extends Pick<WatchHub, "subscribe" | "watch" | "wake"> {
  get(key: Key): SavedObject | undefined;
  list(kind: Kind): readonly SavedObject[];
  currentVersion(): number;
  /** Hands out the next version; saved with the next commit. */
  nextVersion(): string;
  nextUid(): string;
  /** Durable before memory changes and before any watch hears of it. `alongside` runs in the same transaction. */
  commit(changes: readonly ObjectChange[], alongside?: () => void): void;
}

export interface ObjectTableOptions {
  readonly database: StoreDatabase;
  readonly now: () => Date;
  readonly log: Logger;
  /** Identities of new objects; a simulation hands out ones that are the same each time. */
  readonly newUid?: () => string;
}

export function createObjectTable(options: ObjectTableOptions): ObjectTable {
  const { database, log } = options;
  const kinds = new Map<Kind, Map<string, SavedObject>>();
  const counter = createVersionCounter(options);
  const hub = createWatchHub({ log, newestVersion: counter.newest });

  function rowsOf(kind: Kind): Map<string, SavedObject> {
    const rows = kinds.get(kind) ?? new Map<string, SavedObject>();
    kinds.set(kind, rows);
    return rows;
  }
  function remember(change: ObjectChange): WatchEvent | undefined {
    const { object } = change.saved;
    const rows = rowsOf(object.kind);
    const before = rows.get(object.metadata.name);
    if (change.type === "remove") {
      rows.delete(object.metadata.name);
      return { type: "DELETED", object };
    }
    rows.set(object.metadata.name, change.saved);
    // Only the place in desired/ moved: nothing a watch could see.
    if (before?.object === object) return undefined;
    return { type: before === undefined ? "ADDED" : "MODIFIED", object };
  }

  for (const saved of database.objects.all()) rowsOf(saved.object.kind).set(saved.object.metadata.name, saved);

  return {
    get: (key) => kinds.get(key.kind)?.get(key.name),
    list: (kind) => [...(kinds.get(kind)?.values() ?? [])],
    currentVersion: counter.newest,
    nextVersion: counter.next,
    nextUid: options.newUid ?? randomUUID,
    commit: (changes, alongside) => {
      database.transaction(() => {
        for (const change of changes) saveChange(database, change);
        alongside?.();
        database.version.save(counter.newest());
      }, durabilityOf(changes));
      hub.publish(changes.map(remember).filter((event) => event !== undefined));
    },
    subscribe: hub.subscribe,
    watch: hub.watch,
    wake: hub.wake,
  };
}

/**
 * Facts of an attempt must outlive a power cut before the effect they announce. The rest follows from them and from the
 * files; a full commit also makes durable whatever was committed before it, so the order of things always holds.
 */
function durabilityOf(changes: readonly ObjectChange[]): "full" | "relaxed" {
  return changes.some(({ saved }) => saved.object.kind === "Attempt") ? "full" : "relaxed";
}

function saveChange(database: StoreDatabase, change: ObjectChange): void {
  if (change.type === "put") return database.objects.put(change.saved);
  const { object } = change.saved;
  database.objects.remove(keyOf(object));
  database.cancels.removeAll(object.metadata.uid);
}

/**
 * Microseconds since 1970, or one more than the last: never backwards, not after a kill, a lost database or a clock that
 * was set back. The start value is saved too, because clients see it before the first write.
 */
function createVersionCounter(options: { database: StoreDatabase; now: () => Date }): {
  newest(): number;
  next(): string;
} {
  const { database } = options;
  const inRows = database.objects.all().map((saved) => Number(saved.object.metadata.resourceVersion));
  let newest = inRows.reduce(
    (a, b) => Math.max(a, b),
    Math.max(database.version.load(), options.now().getTime() * 1000),
  );
  database.transaction(() => database.version.save(newest));
  return {
    newest: () => newest,
    next: () => {
      newest += 1;
      return String(newest);
    },
  };
}
