import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/adapters/sqlite/open-database.ts";
import { HomieError } from "../../src/resources/errors.ts";
import type { Job } from "../../src/resources/job.ts";
import {
  diffDesired,
  type DesiredDiff,
  type DesiredDiffInput,
  type KnownObject,
} from "../../src/store/desired-diff.ts";
import { atOnce } from "../../src/store/turns.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { DesiredReading } from "../../src/store/types.ts";
import {
  file,
  manifest,
  openStore,
  problem,
  reading,
  temporaryDirectory,
  testClock,
  testLog,
} from "./store-fixture.ts";

const known = (name: string, path = `/d/a/${name}.yaml`, deleting = false): KnownObject => ({
  key: { kind: "Job", name },
  file: path,
  deleting,
});
const diff = (input: Partial<DesiredDiffInput>): DesiredDiff =>
  atOnce(diffDesired({ known: [], reading: reading([]), missingSince: new Map(), nowMs: 10_000, ...input }));
const types = (input: Partial<DesiredDiffInput>): readonly string[] =>
  diff(input).decisions.map((decision) => (decision.type === "hold" ? `hold ${decision.reason}` : decision.type));

describe("what a reading asks of an object", () => {
  const x = manifest("Job", "x");
  const rows: readonly (readonly [string, Partial<DesiredDiffInput>, readonly string[]])[] = [
    ["a new document creates", { reading: reading([file("/d/a/x.yaml", [x])]) }, ["create"]],
    ["a known document updates", { known: [known("x")], reading: reading([file("/d/a/x.yaml", [x])]) }, ["update"]],
    [
      "a document in another file is a move",
      { known: [known("x")], reading: reading([file("/d/b/y.yaml", [x])]) },
      ["update"],
    ],
    ["a vanished document waits", { known: [known("x")] }, ["grace"]],
    ["it still waits after 1.999 s", { known: [known("x")], missingSince: new Map([["Job/x", 8001]]) }, ["grace"]],
    ["after 2 s it is deleted", { known: [known("x")], missingSince: new Map([["Job/x", 8000]]) }, ["delete"]],
    [
      "a clock set back starts the wait again",
      { known: [known("x")], missingSince: new Map([["Job/x", 99_000]]) },
      ["grace"],
    ],
    [
      "a file with a problem holds",
      { known: [known("x")], reading: reading([file("/d/a/x.yaml", [], [problem("/d/a/x.yaml")])]) },
      ["hold FileHasProblem"],
    ],
    [
      "a problem that names it elsewhere holds",
      {
        known: [known("x")],
        reading: reading([file("/d/b/z.yaml", [], [problem("/d/b/z.yaml", { kind: "Job", name: "x" })])]),
      },
      ["hold FileHasProblem"],
    ],
    [
      "an unreadable file holds",
      { known: [known("x")], reading: reading([], { unreadable: [{ path: "/d/a/x.yaml", message: "m" }] }) },
      ["hold Unreadable"],
    ],
    [
      "an unreadable directory holds",
      {
        known: [known("x")],
        reading: reading([], { listedDirectories: ["/d"], unreadable: [{ path: "/d/a", message: "m" }] }),
      },
      ["hold Unreadable"],
    ],
    [
      "a vanished directory holds",
      { known: [known("x")], reading: reading([], { listedDirectories: ["/d"] }) },
      ["hold DirectoryVanished"],
    ],
    [
      "a vanished desired/ holds",
      { known: [known("x")], reading: reading([], { listedDirectories: [] }) },
      ["hold DirectoryVanished"],
    ],
    [
      "a name declared twice holds",
      { known: [known("x")], reading: reading([file("/d/a/x.yaml", [x]), file("/d/b/x.yaml", [x])]) },
      ["hold Conflict"],
    ],
    ["a new name declared twice is not created", { reading: reading([file("/d/a/x.yaml", [x, x])]) }, []],
    [
      "a leaving object whose file is there waits",
      { known: [known("x", "/d/a/x.yaml", true)], reading: reading([file("/d/a/x.yaml", [x])]) },
      ["waitForRemoval"],
    ],
    ["a leaving object without a file is left alone", { known: [known("x", "/d/a/x.yaml", true)] }, []],
    [
      "an object that came from no file is left alone",
      { known: [{ key: { kind: "Peer", name: "p" }, deleting: false }] },
      [],
    ],
  ];
  test.each(rows)("%s", (_, input, expected) => {
    expect(types(input)).toEqual(expected);
  });
});

test("both sides of a conflict name the other one's file and line", () => {
  const x = manifest("Job", "x");
  const { problems } = diff({
    reading: reading([file("/d/a/x.yaml", [manifest("Job", "y"), x]), file("/d/b/x.yaml", [x])]),
  });
  expect(problems.map(({ file: path, line }) => `${path}:${line}`)).toEqual(["/d/a/x.yaml:11", "/d/b/x.yaml:1"]);
  expect(problems[0]?.message).toContain("/d/b/x.yaml:1");
  expect(problems[1]?.message).toContain("/d/a/x.yaml:11");
});

test("a lost directory is one problem that says how to confirm", () => {
  const { problems } = diff({
    known: ["x", "y", "z", "w"].map((name) => known(name, `/d/a/deep/${name}.yaml`)),
    reading: reading([], { listedDirectories: ["/d"] }),
  });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({
    file: "/d/a",
    message: expect.stringContaining("job/x, job/y, job/z and 1 more"),
  });
  expect(problems[0]?.hint).toContain("homie delete job/x");
});

describe("in the store", () => {
  test("the event and the log say once what holds an object", () => {
    const { store, clock, log } = openStore();
    store.takeDesired(reading([file("/d/a/x.yaml", [manifest("Job", "x")])]), clock.now());
    const lost = reading([], { listedDirectories: ["/d"] });
    for (let round = 0; round < 3; round += 1) {
      clock.advance(5000);
      store.takeDesired(lost, clock.now());
    }
    expect(store.get({ kind: "Job", name: "x" })?.metadata.deletionTimestamp).toBeUndefined();
    expect(store.events.list({ name: "x" }).map(({ reason, count }) => [reason, count])).toEqual([
      ["DirectoryVanished", 1],
    ]);
    expect(log.lines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
    expect(store.problems()).toHaveLength(1);
  });

  test("what vanished while no daemon ran is held or deleted by the same rules at start", () => {
    const first = openStore();
    const files = [file("/d/a/x.yaml", [manifest("Peer", "x")]), file("/d/b/y.yaml", [manifest("Peer", "y")])];
    first.store.takeDesired(reading(files), first.clock.now());
    first.store.close();
    const { store, clock } = openStore(first.path, first.clock);
    const after = reading([], { listedDirectories: ["/d", "/d/a"] });
    const { nextGraceAt } = store.takeDesired(after, clock.now());
    expect(nextGraceAt?.getTime()).toBe(clock.now().getTime() + 2000);
    clock.advance(2000);
    store.takeDesired(after, clock.now());
    expect(store.list("Peer").map((peer) => peer.metadata.name)).toEqual(["y"]);
  });

  test("a label changes the version, a spec the generation too, a moved file neither", () => {
    const { store, clock } = openStore();
    const take = (path: string, labels: Record<string, string>, spec: unknown): readonly unknown[] => {
      const base = manifest("Job", "x", spec);
      store.takeDesired(reading([file(path, [{ ...base, metadata: { name: "x", labels } }])]), clock.now());
      const metadata = store.get({ kind: "Job", name: "x" })?.metadata;
      return [metadata?.generation, metadata?.resourceVersion, store.origin({ kind: "Job", name: "x" })?.file];
    };
    const [, first] = take("/d/a/x.yaml", { a: "1" }, { image: "i" });
    const [generation, second] = take("/d/a/x.yaml", { a: "2" }, { image: "i" });
    expect([generation, second === first]).toEqual([1, false]);
    expect(take("/d/b/x.yaml", { a: "2" }, { image: "i" })).toEqual([1, second, "/d/b/x.yaml"]);
    expect(take("/d/b/x.yaml", { a: "2" }, { image: "j" })[0]).toBe(2);
  });
});

const names = ["a", "b", "__proto__"] as const;
const arbitraryFile = (path: string): fc.Arbitrary<DesiredReading["files"][number]> =>
  fc
    .record({
      documents: fc.array(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 2 })), { maxLength: 3 }),
      broken: fc.boolean(),
    })
    .map(({ documents, broken }) =>
      file(
        path,
        documents.map(([name, n]) => manifest("Peer", name, { n })),
        broken ? [problem(path)] : [],
      ),
    );
const arbitraryReading: fc.Arbitrary<DesiredReading> = fc
  .record({
    files: fc.tuple(arbitraryFile("/d/a/1.yaml"), arbitraryFile("/d/a/2.yaml"), arbitraryFile("/d/b/3.yaml")),
    present: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    lostB: fc.boolean(),
  })
  .map(({ files, present, lostB }) =>
    reading(
      files.filter((each, index) => present[index] === true && !(lostB && each.path.startsWith("/d/b"))),
      { listedDirectories: lostB ? ["/d", "/d/a"] : ["/d", "/d/a", "/d/b"] },
    ),
  );
/** Sound, without doubles, every directory listed: nothing in it depends on what was before. */
const soundReading = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 2 }), fc.constantFrom("/d/a", "/d/b")), {
    selector: ([name]) => name,
  })
  .map((entries) =>
    reading(entries.map(([name, n, directory]) => file(`${directory}/${name}.yaml`, [manifest("Peer", name, { n })]))),
  );

test("takeDesired is level-triggered: any readings that end in R give what R alone gives, after the grace", () => {
  const settle = (readings: readonly DesiredReading[], last: DesiredReading): unknown => {
    const { store, clock } = openStore(":memory:");
    for (const each of [...readings, last]) {
      store.takeDesired(each, clock.now());
      clock.advance(500);
    }
    clock.advance(2000);
    store.takeDesired(last, clock.now());
    const peers = store
      .snapshot("Peer")
      .items.map(({ metadata, spec }) => [metadata.name, spec, store.origin({ kind: "Peer", name: metadata.name })]);
    store.close();
    return peers;
  };
  fc.assert(
    fc.property(fc.array(arbitraryReading, { maxLength: 5 }), soundReading, (history, last) => {
      expect(settle(history, last)).toEqual(settle([], last));
    }),
    { numRuns: 60 },
  );
});

test("a change that the database refused is made as soon as it does not, though the file is the same as before", () => {
  const path = join(temporaryDirectory(), "homie.db");
  const clock = testClock();
  const log = testLog();
  const database = openDatabase(path, { now: () => clock.now(), log });
  let full = false;
  const transaction: typeof database.transaction = (body, durability) => {
    if (full) throw new HomieError("StateUnusable", "database or disk is full");
    return database.transaction(body, durability);
  };
  const store = createObjectStore({ database: { ...database, transaction }, now: () => clock.now(), log });
  const image = (): unknown => store.get<Job>({ kind: "Job", name: "x" })?.spec.image;
  store.takeDesired(reading([file("/d/x.yaml", [manifest("Job", "x", { image: "a" })])]), clock.now());
  const edited = reading([file("/d/x.yaml", [manifest("Job", "x", { image: "b" })])]);
  full = true;
  expect(() => store.takeDesired(edited, clock.now())).toThrow(HomieError);
  expect(image()).toBe("a");
  full = false;
  store.takeDesired(edited, clock.now());
  expect(image()).toBe("b");
});

test("a great many changes are made in turns, between which objects may be written and deleted", () => {
  const { store, clock } = openStore();
  const names = Array.from({ length: 1_000 }, (_, index) => `j${index}`);
  const of = (image: string): DesiredReading =>
    reading(names.map((name) => file(`/d/${name}.yaml`, [manifest("Job", name, { image })])));
  store.takeDesired(of("a"), clock.now());
  const images = (): readonly unknown[] => store.list<Job>("Job").map(({ spec }) => spec.image);
  const turns = store.takeDesiredInTurns(of("b"), clock.now());
  while (!images().includes("b")) expect(turns.next().done).toBe(false);
  const done = images().filter((image) => image === "b").length;
  expect(done).toBeLessThan(1_000);
  const last = store.get<Job>({ kind: "Job", name: "j999" });
  if (last === undefined) throw new Error("no job");
  store.putStatus(last, { phase: "Running" });
  store.delete({ kind: "Job", name: "j998" });
  for (let turn = turns.next(); turn.done !== true; turn = turns.next());
  expect(store.get<Job>({ kind: "Job", name: "j999" })).toMatchObject({
    spec: { image: "b" },
    metadata: { generation: 2 },
    status: { phase: "Running" },
  });
  store.takeDesired(of("b"), clock.now());
  const others = store.list<Job>("Job").filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  expect(new Set(others.map(({ spec }) => spec.image))).toEqual(new Set(["b"]));
});
