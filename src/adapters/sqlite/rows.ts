import type { DatabaseSync } from "node:sqlite";
import type { Kind, Manifest } from "../../resources/types.ts";
import type {
  AppliedRow,
  CancelRows,
  EventRows,
  HistoryRows,
  LastAppliedRows,
  PublishedRows,
  StoreDatabase,
} from "../../store/database.ts";
import type { HistoryEntry, RecordedEvent } from "../../store/types.ts";
import { createObjectRows, optional } from "./object-rows.ts";

/** History beyond this many attempts is dropped, oldest first. */
const historyLimit = 10_000;
const phases = { succeeded: "Succeeded", failed: "Failed" } as const;

export function createRows(database: DatabaseSync): Omit<StoreDatabase, "transaction" | "close"> {
  return {
    version: createVersionRow(database),
    objects: createObjectRows(database),
    events: createEventRows(database),
    history: createHistoryRows(database),
    cancels: createCancelRows(database),
    lastApplied: createLastAppliedRows(database),
    published: createPublishedRows(database),
  };
}

function createVersionRow(database: DatabaseSync): StoreDatabase["version"] {
  const load = database.prepare("SELECT value FROM meta WHERE name = 'version'");
  const save = database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('version', ?)");
  return {
    load: () => Number(load.get()?.["value"] ?? 0),
    save: (version) => void save.run(version),
  };
}

function createEventRows(database: DatabaseSync): EventRows {
  const all = database.prepare("SELECT event FROM events ORDER BY resource_version");
  const put = database.prepare("INSERT OR REPLACE INTO events (name, resource_version, event) VALUES (?, ?, ?)");
  const remove = database.prepare("DELETE FROM events WHERE name = ?");
  return {
    all: () => all.all().map((row) => JSON.parse(String(row["event"])) as RecordedEvent),
    put: (event) => void put.run(event.name, Number(event.resourceVersion), JSON.stringify(event)),
    remove: (name) => void remove.run(name),
  };
}

function createHistoryRows(database: DatabaseSync): HistoryRows {
  const put = database.prepare(
    `INSERT INTO history (uid, attempt, role, entry) VALUES (?, ?, ?, ?)
     ON CONFLICT (uid, attempt, role) DO UPDATE SET entry = excluded.entry`,
  );
  const trim = database.prepare(`DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ${historyLimit}`);
  const list = database.prepare(
    `SELECT entry FROM history
     WHERE (:peers IS NULL OR json_extract(entry, '$.peer') IN (SELECT value FROM json_each(:peers)))
       AND (:role IS NULL OR role = :role)
       AND (:phase IS NULL OR json_extract(entry, '$.phase') = :phase)
       AND (:since IS NULL OR unixepoch(coalesce(json_extract(entry, '$.endTime'), json_extract(entry, '$.startTime')), 'subsec') >= :since)
     ORDER BY id DESC LIMIT :limit`,
  );
  const clear = database.prepare("DELETE FROM history");
  return {
    put: (entry) => {
      put.run(entry.uid, entry.attempt, entry.role, JSON.stringify(entry));
      trim.run();
    },
    list: ({ peers, role, outcome, since, limit = historyLimit } = {}) => {
      const phase = outcome === undefined ? null : phases[outcome];
      const seconds = since === undefined ? null : since.getTime() / 1000;
      return list
        .all({
          peers: peers === undefined ? null : JSON.stringify(peers),
          role: role ?? null,
          phase,
          since: seconds,
          limit,
        })
        .map((row) => JSON.parse(String(row["entry"])) as HistoryEntry);
    },
    clear: () => void clear.run(),
  };
}

function createCancelRows(database: DatabaseSync): CancelRows {
  const put = database.prepare("INSERT OR IGNORE INTO cancels (uid, generation, message) VALUES (?, ?, ?)");
  const get = database.prepare("SELECT message FROM cancels WHERE uid = ? AND generation = ?");
  const removeAll = database.prepare("DELETE FROM cancels WHERE uid = ?");
  return {
    put: (uid, generation, message) => void put.run(uid, generation, message),
    get: (uid, generation) => {
      const row = get.get(uid, generation);
      return row === undefined ? undefined : { message: String(row["message"]) };
    },
    removeAll: (uid) => void removeAll.run(uid),
  };
}

function createLastAppliedRows(database: DatabaseSync): LastAppliedRows {
  const get = database.prepare("SELECT manifest, text, base_directory FROM last_applied WHERE kind = ? AND name = ?");
  const put = database.prepare(
    "INSERT OR REPLACE INTO last_applied (kind, name, manifest, text, base_directory) VALUES (?, ?, ?, ?, ?)",
  );
  const remove = database.prepare("DELETE FROM last_applied WHERE kind = ? AND name = ?");
  return {
    get: (kind: Kind, name) => {
      const row = get.get(kind, name);
      if (row === undefined) return undefined;
      const applied: AppliedRow = {
        baseDirectory: String(row["base_directory"]),
        ...optional("manifest", row["manifest"], (json) => JSON.parse(json) as Manifest),
        ...optional("text", row["text"], (text) => text),
      };
      return applied;
    },
    put: (kind, name, row) => {
      const manifest = row.manifest === undefined ? null : JSON.stringify(row.manifest);
      put.run(kind, name, manifest, row.text ?? null, row.baseDirectory);
    },
    remove: (kind, name) => void remove.run(kind, name),
  };
}

function createPublishedRows(database: DatabaseSync): PublishedRows {
  const put = database.prepare("INSERT OR REPLACE INTO published (path, sha256, job_uid) VALUES (?, ?, ?)");
  const get = database.prepare("SELECT sha256 FROM published WHERE path = ?");
  return {
    recordPublished: (path, sha256, jobUid) => void put.run(path, sha256, jobUid),
    publishedSha: (path) => {
      const row = get.get(path);
      return row === undefined ? undefined : String(row["sha256"]);
    },
  };
}
