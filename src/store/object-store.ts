import { dirname } from "node:path";
import { sameContent } from "../resources/canonical.ts";
import { ConflictError, HomieError } from "../resources/errors.ts";
import type { Key, Resource } from "../resources/types.ts";
import type { SavedObject, StoreDatabase } from "./database.ts";
import { createEventLog } from "./event-log.ts";
import { isDeclaredKind, keyOf, newObject, ownCopy, withMetadata } from "./object-drafts.ts";
import { createObjectTable, type ObjectChange, type ObjectTable, type ObjectTableOptions } from "./object-table.ts";
import { createDesiredTaker, creation, deletion, removal } from "./take-desired.ts";
import { atOnce } from "./turns.ts";
import type { History, ObjectStore, Origin } from "./types.ts";

/** Every object of one home: read from memory, and on disk before any write returns. */
export function createObjectStore(options: ObjectTableOptions): ObjectStore {
  const { database, now, log } = options;
  const table = createObjectTable(options);
  const events = createEventLog({
    ...options,
    nextVersion: table.nextVersion,
    uidOf: (about) => table.get(about)?.object.metadata.uid,
  });
  const desired = createDesiredTaker({ table, database, events, log });

  /** Removes the object for good, and creates its successor if desired/ holds one. */
  function remove(saved: SavedObject): void {
    const successor = desired.declared(keyOf(saved.object));
    const changes: ObjectChange[] = [removal(table, saved)];
    if (successor !== undefined) changes.push(creation(table, successor, now()));
    table.commit(changes);
  }

  return {
    events,
    history: createHistory(database),
    ...createReads(table),
    ...createWrites(table, now, remove),
    requestCancel: (jobName, message) => {
      const { metadata } = required(table, { kind: "Job", name: jobName }).object;
      database.transaction(() => database.cancels.put(metadata.uid, metadata.generation, message));
      table.wake({ kind: "Job", name: jobName });
    },
    takeIdentity: (key, uid, status) => {
      const saved = required(table, key);
      // Another uid is another object: who watches sees the one go and the other come.
      const gone = removal(table, saved);
      const metadata = { uid, resourceVersion: table.nextVersion() };
      const object = { ...withMetadata(saved.object, metadata), status: ownCopy(status) };
      table.commit([gone, { type: "put", saved: { ...saved, object } }]);
    },
    cancelRequested: (uid, generation) => database.cancels.get(uid, generation),
    origin: (key) => originOf(table, database, key),
    takeDesired: (reading, at) => atOnce(desired.take(reading, at)),
    takeDesiredInTurns: desired.take,
    problems: desired.problems,
    close: () => database.close(),
  };
}

function createReads(
  table: ObjectTable,
): Pick<ObjectStore, "get" | "list" | "snapshot" | "currentVersion" | "subscribe" | "watch"> {
  return {
    get: <R extends Resource>(key: Key) => table.get(key)?.object as R | undefined,
    list: <R extends Resource>(kind: R["kind"]) => table.list(kind).map((saved) => saved.object as R),
    snapshot: (kind) => ({
      items: table
        .list(kind)
        .map((saved) => saved.object)
        .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
      resourceVersion: String(table.currentVersion()),
    }),
    currentVersion: () => String(table.currentVersion()),
    subscribe: table.subscribe,
    watch: table.watch,
  };
}

type Writes = Pick<ObjectStore, "create" | "putStatus" | "putSpec" | "setFinalizers" | "delete">;

function createWrites(table: ObjectTable, now: () => Date, remove: (saved: SavedObject) => void): Writes {
  return {
    create: (draft) => {
      if (table.get(draft) !== undefined) {
        throw new HomieError("AlreadyExists", `cannot create ${draft.kind} "${draft.name}": it already exists`);
      }
      const object = newObject(draft, table.nextVersion(), now(), table.nextUid());
      table.commit([{ type: "put", saved: { object } }]);
      return object as never;
    },
    putStatus: (resource, status) => {
      const saved = newest(table, resource);
      if (sameContent(saved.object.status, status)) {
        return saved.object as typeof resource;
      }
      const object = {
        ...withMetadata(saved.object, { resourceVersion: table.nextVersion() }),
        status: ownCopy(status),
      };
      table.commit([{ type: "put", saved: { ...saved, object } }]);
      return object as typeof resource;
    },
    putSpec: (resource, spec) => {
      const saved = newest(table, resource);
      if (sameContent(saved.object.spec, spec)) return saved.object as typeof resource;
      const generation = saved.object.metadata.generation + 1;
      const object = {
        ...withMetadata(saved.object, { resourceVersion: table.nextVersion(), generation }),
        spec: ownCopy(spec),
      };
      table.commit([{ type: "put", saved: { ...saved, object } }]);
      return object as typeof resource;
    },
    setFinalizers: (key, finalizers) => {
      const saved = table.get(key);
      // Gone already: whoever drops its finalizer a second time after a restart has what it wants.
      if (saved === undefined) return;
      const { metadata } = saved.object;
      if (finalizers.length === 0 && metadata.deletionTimestamp !== undefined) return remove(saved);
      if (sameContent(metadata.finalizers ?? [], finalizers)) return;
      const object = withMetadata(saved.object, {
        resourceVersion: table.nextVersion(),
        finalizers: finalizers.length === 0 ? undefined : [...finalizers],
      });
      table.commit([{ type: "put", saved: { ...saved, object } }]);
    },
    delete: (key) => {
      const saved = table.get(key);
      if (saved === undefined) return;
      if ((saved.object.metadata.finalizers ?? []).length === 0) return remove(saved);
      const change = deletion(table, saved, now());
      if (change !== undefined) table.commit([change]);
    },
  };
}

function required(table: ObjectTable, key: Key): SavedObject {
  const saved = table.get(key);
  if (saved === undefined) throw new HomieError("NotFound", `cannot find ${key.kind} "${key.name}"`);
  return saved;
}

/** The stored object, provided the caller has seen its newest version. */
function newest(table: ObjectTable, resource: Resource): SavedObject {
  const saved = required(table, keyOf(resource));
  const { uid, resourceVersion } = saved.object.metadata;
  if (uid === resource.metadata.uid && resourceVersion === resource.metadata.resourceVersion) return saved;
  throw new ConflictError(
    `cannot write ${resource.kind} "${resource.metadata.name}": it changed (version ${resourceVersion}, not ${resource.metadata.resourceVersion})`,
  );
}

function originOf(table: ObjectTable, database: StoreDatabase, key: Key): Origin | undefined {
  const source = table.get(key)?.source;
  if (source === undefined || !isDeclaredKind(key.kind)) return undefined;
  const baseDirectory = database.lastApplied.get(key.kind, key.name)?.baseDirectory ?? dirname(source.file);
  return { ...source, baseDirectory };
}

function createHistory(database: StoreDatabase): History {
  return {
    add: (entry) => database.transaction(() => database.history.put(entry)),
    list: (filter) => database.history.list(filter),
    clear: () => database.transaction(() => database.history.clear()),
  };
}
