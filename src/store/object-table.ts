import type { Logger } from "../reconciler/types.ts";
import type { Key, Kind } from "../resources/types.ts";
import type { SavedObject, StoreDatabase } from "./database.ts";
import { keyOf } from "./object-drafts.ts";
import type { WatchEvent } from "./types.ts";
import { createWatchRing } from "./watch-ring.ts";

const ringCapacity = 4000;

export type ObjectChange =
  | { readonly type: "put"; readonly saved: SavedObject }
  /** `saved.object` is the last word on the object, already carrying its own new version. */
  | { readonly type: "remove"; readonly saved: SavedObject };

/** All objects in memory, every change written through, and the watches on them. */
export interface ObjectTable {
  get(key: Key): SavedObject | undefined;
  list(kind: Kind): readonly SavedObject[];
  currentVersion(): number;
  /** Hands out the next version; saved with the next commit. */
  nextVersion(): string;
  /** Durable before memory changes and before any watch hears of it. `alongside` runs in the same transaction. */
  commit(changes: readonly ObjectChange[], alongside?: () => void): void;
  subscribe(kind: Kind, since: string | undefined, onEvent: (event: WatchEvent) => void): Disposable | "expired";
  watch(kind: Kind, onChange: (key: Key) => void): Disposable;
  /** Wakes key watches although the object is the same. */
  wake(key: Key): void;
}

interface Subscriber {
  readonly kind: Kind;
  readonly onEvent: (event: WatchEvent, version: number) => void;
}

export function createObjectTable(options: { database: StoreDatabase; now: () => Date; log: Logger }): ObjectTable {
  const { database, log } = options;
  const kinds = new Map<Kind, Map<string, SavedObject>>();
  const counter = createVersionCounter(options);
  const ring = createWatchRing(ringCapacity, counter.newest());
  const subscribers = new Set<Subscriber>();
  const wakes = new Set<{ readonly kind: Kind; readonly onChange: (key: Key) => void }>();
  const dispatch = createDispatcher((event, version) => {
    for (const subscriber of [...subscribers]) {
      if (subscriber.kind === event.object.kind) guard(log, () => subscriber.onEvent(event, version));
    }
    wake(keyOf(event.object));
  });

  function wake(key: Key): void {
    for (const watch of [...wakes]) if (watch.kind === key.kind) guard(log, () => watch.onChange(key));
  }
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
    commit: (changes, alongside) => {
      database.transaction(() => {
        for (const change of changes) saveChange(database, change);
        alongside?.();
        database.version.save(counter.newest());
      });
      const events = changes.map(remember).filter((event) => event !== undefined);
      for (const event of events) {
        const version = Number(event.object.metadata.resourceVersion);
        ring.add({ version, kind: event.object.kind, event });
        dispatch.add(event, version);
      }
      dispatch.drain();
    },
    subscribe: (kind, since, onEvent) => {
      const from = since === undefined ? counter.newest() : parseVersion(since);
      if (from === undefined || from > counter.newest()) return "expired";
      const missed = ring.since(kind, from);
      if (missed === undefined) return "expired";
      // A change may be in the ring and still wait in the dispatcher: each subscriber takes only newer ones.
      let seen = from;
      const subscriber: Subscriber = {
        kind,
        onEvent: (event, version) => {
          if (version <= seen) return;
          seen = version;
          onEvent(event);
        },
      };
      for (const entry of missed) guard(log, () => subscriber.onEvent(entry.event, entry.version));
      subscribers.add(subscriber);
      return { [Symbol.dispose]: () => void subscribers.delete(subscriber) };
    },
    watch: (kind, onChange) => {
      const entry = { kind, onChange };
      wakes.add(entry);
      return { [Symbol.dispose]: () => void wakes.delete(entry) };
    },
    wake,
  };
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
  let newest = inRows.reduce((a, b) => Math.max(a, b), Math.max(database.version.load(), options.now().getTime() * 1000));
  database.transaction(() => database.version.save(newest));
  return {
    newest: () => newest,
    next: () => {
      newest += 1;
      return String(newest);
    },
  };
}

/** Delivers in order even when a callback writes to the store again. */
function createDispatcher(deliver: (event: WatchEvent, version: number) => void): {
  add(event: WatchEvent, version: number): void;
  drain(): void;
} {
  const waiting: { readonly event: WatchEvent; readonly version: number }[] = [];
  let draining = false;
  return {
    add: (event, version) => void waiting.push({ event, version }),
    drain: () => {
      if (draining) return;
      draining = true;
      try {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) deliver(next.event, next.version);
      } finally {
        draining = false;
      }
    },
  };
}

/** Runs a callback of somebody else; what it throws is logged and never breaks the write it hears of. */
export function guard(log: Logger, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    log.error("a watch callback failed", { error: String(error), stack: error instanceof Error ? error.stack : undefined });
  }
}

function parseVersion(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

