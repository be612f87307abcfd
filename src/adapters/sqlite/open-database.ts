import { closeSync, existsSync, lstatSync, mkdirSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Logger } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";
import type { StoreDatabase } from "../../store/database.ts";
import { migrations } from "./migrations.ts";
import { createRows } from "./rows.ts";
import { isCorruption, translateSqliteError } from "./sqlite-errors.ts";

export interface OpenDatabaseOptions {
  readonly now?: () => Date;
  readonly log?: Logger;
}

/**
 * Opens (or creates) the database of one home. A file that is not a sound database is renamed to
 * `<path>.corrupt-<time>`, never deleted, and a new one begins: objects come back from desired/.
 * Throws HomieError StateUnusable when the place cannot be written or a newer homie wrote it.
 */
export function openDatabase(path: string, options: OpenDatabaseOptions = {}): StoreDatabase {
  const now = options.now ?? ((): Date => new Date());
  try {
    return openSound(path);
  } catch (error) {
    if (!isCorruption(error) && !isDirectory(path)) throw translateSqliteError(error, path);
    const aside = setAside(path, now());
    options.log?.error("the database could not be read and was set aside; starting a new one", {
      aside,
      cause: String(error),
    });
    try {
      return { ...openSound(path), setAside: aside };
    } catch (second) {
      throw translateSqliteError(second, path);
    }
  }
}

function openSound(path: string): StoreDatabase {
  createPrivately(path);
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 5000");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    const check = database.prepare("PRAGMA quick_check(1)").get();
    if (check?.["quick_check"] !== "ok") throw new CorruptDatabase(String(check?.["quick_check"]));
    migrate(database, path);
    const rows = createRows(database);
    readEverything(rows);
    return { ...rows, transaction: createTransaction(database, path), close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** quick_check says nothing about the JSON inside the rows; reading them once does. */
function readEverything(rows: Omit<StoreDatabase, "transaction" | "close">): void {
  try {
    rows.version.load();
    rows.objects.all();
    rows.events.all();
    rows.history.list({ limit: 1 });
  } catch (error) {
    if (error instanceof SyntaxError) throw new CorruptDatabase(error.message);
    throw error;
  }
}

class CorruptDatabase extends Error {
  readonly errcode = 11;
}

function migrate(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > migrations.length) {
    throw new HomieError("StateUnusable", `cannot use ${path}: a newer homie wrote it (schema ${version})`, {
      hint: "update homie on this machine",
    });
  }
  for (const [index, statements] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${statements}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}

function createTransaction(database: DatabaseSync, path: string): StoreDatabase["transaction"] {
  let open = false;
  return <T>(body: () => T, durability: "full" | "relaxed" = "full"): T => {
    if (open) return body();
    open = true;
    try {
      if (durability === "relaxed") database.exec("PRAGMA synchronous = NORMAL");
      database.exec("BEGIN IMMEDIATE");
      const result = body();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      rollBack(database);
      throw translateSqliteError(error, path);
    } finally {
      open = false;
      if (durability === "relaxed" && database.isOpen) database.exec("PRAGMA synchronous = FULL");
    }
  };
}

function rollBack(database: DatabaseSync): void {
  // SQLite has already rolled back by itself after some errors (disk full, I/O error).
  if (database.isOpen && database.isTransaction) database.exec("ROLLBACK");
}

function createPrivately(path: string): void {
  if (path === ":memory:" || existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite gives the WAL and shared memory files the mode of this one, whatever the umask.
  closeSync(openSync(path, "a", 0o600));
}

function setAside(path: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[:.]/g, "-");
  let aside = `${path}.corrupt-${stamp}`;
  for (let attempt = 1; existsSync(aside); attempt += 1) aside = `${path}.corrupt-${stamp}-${attempt}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
