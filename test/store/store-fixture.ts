import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/sqlite/open-database.ts";
import type { Logger } from "../../src/reconciler/types.ts";
import type { Problem } from "../../src/resources/documents.ts";
import type { DeclaredKind, Manifest } from "../../src/resources/types.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { DesiredFile, DesiredReading, ObjectStore } from "../../src/store/types.ts";

export interface TestClock {
  now(): Date;
  advance(ms: number): void;
}
export function testClock(start = "2026-01-01T00:00:00.000Z"): TestClock {
  let ms = Date.parse(start);
  return { now: () => new Date(ms), advance: (by) => void (ms += by) };
}

export interface TestLog extends Logger {
  readonly lines: string[];
}
export function testLog(): TestLog {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (message: string, fields?: object): void =>
      void lines.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
  return { lines, debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "homie-test-"));
}

export interface StoreFixture {
  readonly store: ObjectStore;
  readonly clock: TestClock;
  readonly log: TestLog;
  readonly path: string;
}
export function openStore(path = join(temporaryDirectory(), "homie.db"), clock = testClock()): StoreFixture {
  const log = testLog();
  const database = openDatabase(path, { now: () => clock.now(), log });
  return { store: createObjectStore({ database, now: () => clock.now(), log }), clock, log, path };
}

export function manifest(kind: DeclaredKind, name: string, spec: unknown = {}): Manifest {
  return { apiVersion: "homie.dev/v1", kind, metadata: { name }, spec };
}
export function file(path: string, manifests: readonly Manifest[], problems: readonly Problem[] = []): DesiredFile {
  return {
    path,
    problems,
    documents: manifests.map((each, index) => ({ index, manifest: each })),
    documentLines: manifests.map((_, index) => index * 10 + 1),
  };
}
export function problem(path: string, fields: Partial<Problem> = {}): Problem {
  return { file: path, line: 3, column: 5, document: 0, path: "spec", message: "is wrong", ...fields };
}
export function reading(
  files: readonly DesiredFile[],
  more: Partial<Omit<DesiredReading, "files">> = {},
): DesiredReading {
  return { files, listedDirectories: ["/d", "/d/a", "/d/b"], unreadable: [], ...more };
}
