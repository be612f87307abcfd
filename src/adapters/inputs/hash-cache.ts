import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isCorruption, translateSqliteError } from "../sqlite/sqlite-errors.ts";

/** What files hashed to. A stamp has to tell two contents of one path apart. */
export interface HashCache {
  find(path: string, stamp: string): string | undefined;
  /** Kept in memory until `close`, so that no transaction is open while files are read. */
  remember(path: string, stamp: string, sha256: string): void;
  forget(path: string): void;
  /** Writes what is new, drops what nobody asked for in a month, and closes. */
  close(): void;
}

const dayMs = 86_400_000;
const keptDays = 30;

/** A file that is not a sound database is replaced: nothing in it cannot be had again. Throws HomieError StateUnusable. */
export function openHashCache(path: string, nowMs: number): HashCache {
  try {
    return wrap(openSound(path), path, Math.floor(nowMs / dayMs));
  } catch (error) {
    if (!isCorruption(error)) throw translateSqliteError(error, path);
    for (const suffix of ["", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
    return wrap(openSound(path), path, Math.floor(nowMs / dayMs));
  }
}

function openSound(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 5000");
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec(
      "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, stamp TEXT, sha256 TEXT, usedDay INTEGER) WITHOUT ROWID",
    );
    const check = database.prepare("PRAGMA quick_check(1)").get();
    if (check?.["quick_check"] !== "ok") throw Object.assign(new Error("quick_check failed"), { errcode: 11 });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

interface CacheRow {
  readonly stamp: string;
  readonly sha256: string;
  readonly usedDay: number;
}

function wrap(database: DatabaseSync, path: string, today: number): HashCache {
  const select = database.prepare("SELECT stamp, sha256, usedDay FROM files WHERE path = ?");
  const changes = new Map<string, Omit<CacheRow, "usedDay"> | "gone">();
  return {
    find(file, stamp) {
      const row = select.get(file) as unknown as CacheRow | undefined;
      if (row?.stamp !== stamp || !/^[0-9a-f]{64}$/.test(row.sha256)) return undefined;
      if (row.usedDay !== today) changes.set(file, row);
      return row.sha256;
    },
    remember: (file, stamp, sha256) => void changes.set(file, { stamp, sha256 }),
    forget: (file) => void changes.set(file, "gone"),
    close() {
      try {
        if (changes.size > 0) write(database, changes, today);
      } catch (error) {
        throw translateSqliteError(error, path);
      } finally {
        database.close();
      }
    },
  };
}

function write(
  database: DatabaseSync,
  changes: ReadonlyMap<string, Omit<CacheRow, "usedDay"> | "gone">,
  today: number,
): void {
  const upsert = database.prepare("INSERT OR REPLACE INTO files (path, stamp, sha256, usedDay) VALUES (?, ?, ?, ?)");
  const remove = database.prepare("DELETE FROM files WHERE path = ?");
  database.exec("BEGIN IMMEDIATE");
  for (const [file, row] of changes) {
    if (row === "gone") remove.run(file);
    else upsert.run(file, row.stamp, row.sha256, today);
  }
  database.prepare("DELETE FROM files WHERE usedDay < ?").run(today - keptDays);
  database.exec("COMMIT");
}
