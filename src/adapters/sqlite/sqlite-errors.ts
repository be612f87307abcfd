import { HomieError } from "../../resources/errors.ts";

/** SQLITE_CORRUPT, SQLITE_FORMAT and SQLITE_NOTADB (https://sqlite.org/rescode.html), extended codes included. */
const corruptionCodes = new Set([11, 24, 26]);
const sqliteFull = 13;

export function isCorruption(error: unknown): boolean {
  const code = errcodeOf(error);
  return code !== undefined && corruptionCodes.has(code & 0xff);
}

/** SQLite's errors become StateUnusable; every other error passes through as it is. */
export function translateSqliteError(error: unknown, path: string): unknown {
  const code = errcodeOf(error) ?? errnoOf(error);
  if (code === undefined) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HomieError("StateUnusable", `cannot use ${path}: ${message}`, {
    hint:
      typeof code === "number" && (code & 0xff) === sqliteFull
        ? "free some disk space"
        : "check the disk and the rights on the file",
    cause: error,
  });
}

function errcodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("errno" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
