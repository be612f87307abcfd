import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../../src/adapters/sqlite/open-database.ts";
import { openStore, temporaryDirectory } from "../../store/store-fixture.ts";

const freshPath = (): string => join(temporaryDirectory(), "state", "homie.db");

describe("a database that cannot be read", () => {
  const damages: readonly (readonly [string, (path: string) => void])[] = [
    ["of noise", (path) => writeFileSync(path, Buffer.alloc(20_000, "noise"))],
    ["cut in the middle of a page", (path) => truncateSync(path, statSync(path).size - 6000)],
    [
      "with zeros over its pages",
      (path) => writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 100), Buffer.alloc(16_000)])),
    ],
  ];
  test.each(damages)("%s is set aside and a new one begins", (_, damage) => {
    const path = freshPath();
    const { store } = openStore(path);
    for (let n = 0; n < 50; n += 1)
      store.create({ kind: "Attempt", name: `u-${n}`, spec: { filler: "x".repeat(500) } });
    const before = Number(store.currentVersion());
    store.close();
    damage(path);
    const second = openStore(path);
    expect(second.store.list("Attempt")).toEqual([]);
    expect(Number(second.store.currentVersion())).toBeGreaterThanOrEqual(before - 1000);
    expect(readdirSync(dirname(path)).some((name) => name.startsWith("homie.db.corrupt-"))).toBe(true);
    expect(second.log.lines.join()).toContain("set aside");
    second.store.close();
  });

  test("with rows that are no JSON is set aside", () => {
    const path = freshPath();
    const { store } = openStore(path);
    store.create({ kind: "Attempt", name: "u-1", spec: {} });
    store.close();
    const raw = new DatabaseSync(path);
    raw.exec("UPDATE objects SET spec = '{'");
    raw.close();
    const database = openDatabase(path);
    expect(database.setAside).toMatch(/corrupt/);
    expect(existsSync(database.setAside ?? "")).toBe(true);
    database.close();
  });

  test("that is a directory is set aside", () => {
    const path = freshPath();
    mkdirSync(path, { recursive: true });
    const database = openDatabase(path);
    expect(database.setAside).toMatch(/corrupt/);
    database.close();
  });
});

test("a database of a newer homie is refused and left alone", () => {
  const path = freshPath();
  openDatabase(path).close();
  const raw = new DatabaseSync(path);
  raw.exec("PRAGMA user_version = 999");
  raw.close();
  expect(() => openDatabase(path)).toThrow(expect.objectContaining({ code: "StateUnusable" }));
  expect(readdirSync(dirname(path)).some((name) => name.includes("corrupt"))).toBe(false);
});

test("the database is readable by its owner only, even with umask 0", () => {
  const old = process.umask(0);
  const path = freshPath();
  const database = openDatabase(path);
  process.umask(old);
  database.transaction(() => database.version.save(1));
  for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
  database.close();
});

test("a transaction that throws leaves nothing behind", () => {
  const database = openDatabase(freshPath());
  expect(() =>
    database.transaction(() => {
      database.published.recordPublished("/out/a", "sha", "uid");
      throw new Error("stop");
    }),
  ).toThrow("stop");
  expect(database.published.publishedSha("/out/a")).toBeUndefined();
  database.published.recordPublished("/out/a", "sha", "uid");
  expect(database.published.publishedSha("/out/a")).toBe("sha");
});

test("a killed writer loses nothing it was told was written, and its versions are never handed out again", async () => {
  const path = freshPath();
  const source = `
    import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, "../../../src/adapters/sqlite/open-database.ts"))};
    import { createObjectStore } from ${JSON.stringify(join(import.meta.dirname, "../../../src/store/object-store.ts"))};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const store = createObjectStore({ database: openDatabase(${JSON.stringify(path)}), now: () => new Date("2026-01-01"), log });
    for (let n = 0; ; n += 1) console.log(store.create({ kind: "Attempt", name: "u-" + n, spec: {} }).metadata.resourceVersion);
  `;
  const script = join(temporaryDirectory(), "writer.ts");
  writeFileSync(script, source);
  const writer = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const chunk of writer.stdout) {
    output += String(chunk);
    if (output.split("\n").length > 40) break;
  }
  writer.kill("SIGKILL");
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
  const told = output.split("\n").slice(0, -1);
  const { store } = openStore(path);
  const kept = new Set(store.list("Attempt").map((object) => object.metadata.resourceVersion));
  expect(told.filter((version) => !kept.has(version))).toEqual([]);
  expect(Number(store.currentVersion())).toBeGreaterThanOrEqual(Number(told.at(-1)));
});
