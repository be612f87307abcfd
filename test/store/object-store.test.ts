import { describe, expect, test } from "vitest";
import type { Job } from "../../src/resources/job.ts";
import type { Resource } from "../../src/resources/types.ts";
import type { ObjectStore, RecordedEvent, WatchEvent } from "../../src/store/types.ts";
import { file, manifest, openStore, reading } from "./store-fixture.ts";

const job = (store: ObjectStore, name = "x"): Job => {
  const found = store.get<Job>({ kind: "Job", name });
  if (found === undefined) throw new Error(`no job ${name}`);
  return found;
};
const createJob = (store: ObjectStore, name = "x"): Job =>
  store.create<Job>({ kind: "Job", name, spec: { image: "a" } });

describe("objects", () => {
  test("a new object starts at generation 1 with a uid, a version and a timestamp without fraction", () => {
    const { store } = openStore();
    const { metadata } = createJob(store);
    expect(metadata).toMatchObject({ name: "x", generation: 1, finalizers: ["homie.dev/cleanup"] });
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata.creationTimestamp).toBe("2026-01-01T00:00:00Z");
    expect(metadata.resourceVersion).toBe(store.currentVersion());
  });

  test("creating a name twice is AlreadyExists", () => {
    const { store } = openStore();
    createJob(store);
    expect(() => createJob(store)).toThrow(expect.objectContaining({ code: "AlreadyExists" }));
  });

  test("an object written before a restart is the same after it", () => {
    const first = openStore();
    first.store.putStatus(createJob(first.store), { phase: "Running", outputs: [] });
    const before = job(first.store);
    first.store.close();
    expect(job(openStore(first.path).store)).toEqual(before);
  });

  test("equal status writes nothing and keeps the version, whatever the order of its keys", () => {
    const { store } = openStore();
    const running = store.putStatus(createJob(store), { phase: "Running", message: "m" });
    const again = store.putStatus(running, { message: "m", phase: "Running" });
    expect(again.metadata.resourceVersion).toBe(running.metadata.resourceVersion);
    expect(store.currentVersion()).toBe(running.metadata.resourceVersion);
  });

  test("a status based on an old version is a conflict and changes nothing", () => {
    const { store } = openStore();
    const old = createJob(store);
    store.putStatus(old, { phase: "Running" });
    expect(() => store.putStatus(old, { phase: "Failed" })).toThrow(expect.objectContaining({ code: "Conflict" }));
    expect(job(store).status).toEqual({ phase: "Running" });
  });

  test("a caller that goes on changing its status object does not change the store", () => {
    const { store } = openStore();
    const status = { phase: "Running" as const, attempts: [{ attempt: 1, peer: "a", phase: "Running" }] };
    store.putStatus(createJob(store), status);
    status.attempts[0]!.peer = "changed";
    expect(job(store).status?.attempts?.[0]?.peer).toBe("a");
  });

  test("the generation goes up only when the canonical spec changes", () => {
    const { store } = openStore();
    const created = createJob(store);
    expect(store.putSpec(created, { image: "a" }).metadata.generation).toBe(1);
    expect(store.putSpec(created, { image: "b" }).metadata.generation).toBe(2);
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("the name %s is an ordinary name", (name) => {
    const { store } = openStore();
    expect(store.get({ kind: "Job", name })).toBeUndefined();
    createJob(store, name);
    store.events.record({ kind: "Job", name }, "Normal", "Made", "made");
    expect(store.list("Job")).toHaveLength(1);
    expect(store.events.list({ name })).toHaveLength(1);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("deletion", () => {
  test("an object with a finalizer is marked first and removed when the finalizer is dropped", () => {
    const { store } = openStore();
    createJob(store);
    store.delete({ kind: "Job", name: "x" });
    expect(job(store).metadata.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
    store.setFinalizers({ kind: "Job", name: "x" }, []);
    expect(store.get({ kind: "Job", name: "x" })).toBeUndefined();
    store.setFinalizers({ kind: "Job", name: "x" }, []);
    store.delete({ kind: "Job", name: "x" });
  });

  test("an object without finalizers is removed at once", () => {
    const { store } = openStore();
    store.create({ kind: "Attempt", name: "u-1", spec: {} });
    store.delete({ kind: "Attempt", name: "u-1" });
    expect(store.list("Attempt")).toEqual([]);
  });

  test("a file that is back while its old object is being deleted makes a new object after the old one is gone", () => {
    const { store, clock } = openStore();
    const present = reading([file("/d/x.yaml", [manifest("Job", "x", { image: "a" })])]);
    store.takeDesired(present, clock.now());
    const old = job(store);
    store.delete({ kind: "Job", name: "x" });
    store.takeDesired(present, clock.now());
    expect(job(store).metadata.uid).toBe(old.metadata.uid);
    const seen: WatchEvent[] = [];
    store.subscribe("Job", undefined, (event) => seen.push(event));
    store.setFinalizers({ kind: "Job", name: "x" }, []);
    expect(seen.map((event) => event.type)).toEqual(["DELETED", "ADDED"]);
    expect(job(store).metadata.uid).not.toBe(old.metadata.uid);
    expect(job(store).metadata.deletionTimestamp).toBeUndefined();
  });
});

describe("watches", () => {
  test("a subscriber that names a version hears exactly what happened after it", () => {
    const { store } = openStore();
    const since = store.currentVersion();
    const running = store.putStatus(createJob(store), { phase: "Running" });
    store.create({ kind: "Peer", name: "p", spec: {} });
    const seen: string[] = [];
    store.subscribe("Job", since, (event) => seen.push(`${event.type} ${event.object.metadata.resourceVersion}`));
    store.putStatus(running, { phase: "Succeeded" });
    expect(seen).toHaveLength(3);
    expect(seen.map((line) => line.split(" ")[0])).toEqual(["ADDED", "MODIFIED", "MODIFIED"]);
    expect(new Set(seen).size).toBe(3);
  });

  test.each([
    ["a version from before this start", "1"],
    ["a version from the future", "99999999999999999"],
    ["a version that is no number", "12x"],
    ["an empty version", ""],
    ["a negative version", "-1"],
  ])("%s is expired", (_, version) => {
    const { store } = openStore();
    expect(store.subscribe("Job", version, () => undefined)).toBe("expired");
  });

  test("a version more than 4,000 changes ago is expired, one within them is not", () => {
    const { store } = openStore();
    let job = createJob(store);
    const versions = [job.metadata.resourceVersion];
    for (let round = 0; round < 4100; round += 1) {
      job = store.putStatus(job, { exitCode: round });
      versions.push(job.metadata.resourceVersion);
    }
    expect(store.subscribe("Job", versions[50]!, () => undefined)).toBe("expired");
    const seen: WatchEvent[] = [];
    expect(store.subscribe("Job", versions[101]!, (event) => seen.push(event))).not.toBe("expired");
    expect(seen).toHaveLength(3999);
  });

  test("a callback that throws is logged and neither the write nor other callbacks suffer", () => {
    const { store, log } = openStore();
    const seen: string[] = [];
    store.subscribe("Job", undefined, () => {
      throw new Error("boom");
    });
    store.watch("Job", () => {
      throw new Error("bang");
    });
    store.watch("Job", (key) => seen.push(key.name));
    createJob(store);
    expect(seen).toEqual(["x"]);
    expect(log.lines.filter((line) => line.startsWith("error"))).toHaveLength(2);
  });

  test("a callback that writes lets every subscriber hear the changes in order", () => {
    const { store } = openStore();
    const seen: string[] = [];
    store.subscribe("Job", undefined, (event) => {
      if (event.type === "ADDED") store.putStatus(event.object as Job, { phase: "Running" });
    });
    store.subscribe("Job", undefined, (event) => seen.push(event.type));
    createJob(store);
    expect(seen).toEqual(["ADDED", "MODIFIED"]);
  });

  test("a disposed watch hears nothing more", () => {
    const { store } = openStore();
    const seen: string[] = [];
    const watch = store.watch("Job", (key) => seen.push(key.name));
    watch[Symbol.dispose]();
    createJob(store);
    expect(seen).toEqual([]);
  });

  test("a snapshot is sorted by name and its version continues as a watch", () => {
    const { store } = openStore();
    for (const name of ["c", "a", "b"]) createJob(store, name);
    const snapshot = store.snapshot("Job");
    expect(snapshot.items.map((item: Resource) => item.metadata.name)).toEqual(["a", "b", "c"]);
    const seen: WatchEvent[] = [];
    store.subscribe("Job", snapshot.resourceVersion, (event) => seen.push(event));
    createJob(store, "d");
    expect(seen).toHaveLength(1);
  });
});

describe("versions", () => {
  test("the counter never goes backwards, even with a clock that was set back", () => {
    const first = openStore();
    createJob(first.store);
    const before = Number(first.store.currentVersion());
    first.store.close();
    first.clock.advance(-86_400_000);
    const second = openStore(first.path, first.clock);
    expect(Number(second.store.currentVersion())).toBeGreaterThanOrEqual(before);
    expect(Number(createJob(second.store, "y").metadata.resourceVersion)).toBeGreaterThan(before);
  });

  test("a start that wrote nothing still counts: the version it showed is never handed out again", () => {
    const first = openStore();
    const shown = Number(first.store.currentVersion());
    first.store.close();
    first.clock.advance(-86_400_000);
    expect(Number(createJob(openStore(first.path, first.clock).store).metadata.resourceVersion)).toBeGreaterThan(shown);
  });
});

describe("events", () => {
  test("equal events are merged and survive a restart", () => {
    const first = openStore();
    createJob(first.store);
    const about = { kind: "Job", name: "x" } as const;
    const heard: RecordedEvent[] = [];
    first.store.events.subscribe((event) => heard.push(event));
    first.store.events.record(about, "Warning", "Slow", "it is slow");
    first.clock.advance(5000);
    first.store.events.record(about, "Warning", "Slow", "it is slow");
    first.store.events.record(about, "Normal", "Done", "it is done");
    first.store.close();
    expect(heard.map((event) => event.count)).toEqual([1, 2, 1]);
    const events = openStore(first.path, first.clock).store.events.list({ kind: "Job", name: "x" });
    expect(events.map(({ reason, count }) => [reason, count])).toEqual([
      ["Slow", 2],
      ["Done", 1],
    ]);
    expect(events[0]).toMatchObject({ firstTimestamp: "2026-01-01T00:00:00Z", lastTimestamp: "2026-01-01T00:00:05Z" });
    expect(events[0]?.about.uid).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("one object keeps its newest 100 events", () => {
    const { store } = openStore();
    for (let n = 0; n < 130; n += 1) store.events.record({ kind: "Job", name: "x" }, "Normal", "Tick", `tick ${n}`);
    const events = store.events.list();
    expect(events).toHaveLength(100);
    expect(events[0]?.message).toBe("tick 30");
  });
});

describe("cancel wishes and history", () => {
  test("a cancel wish is for one generation, wakes the Job's watch and outlives a restart", () => {
    const first = openStore();
    const { metadata } = createJob(first.store);
    const woken: string[] = [];
    first.store.watch("Job", (key) => woken.push(key.name));
    first.store.requestCancel("x", "no longer needed");
    first.store.close();
    const { store } = openStore(first.path);
    expect(woken).toEqual(["x"]);
    expect(store.cancelRequested(metadata.uid, 1)).toEqual({ message: "no longer needed" });
    expect(store.cancelRequested(metadata.uid, 2)).toBeUndefined();
    expect(() => store.requestCancel("nobody", "")).toThrow(expect.objectContaining({ code: "NotFound" }));
  });

  test("history is newest first and an attempt added twice is one entry", () => {
    const { store } = openStore();
    const entry = {
      job: "x",
      uid: "u",
      attempt: 1,
      generation: 1,
      peer: "p",
      role: "self",
      phase: "Succeeded",
      outputs: 0,
    } as const;
    store.history.add(entry);
    store.history.add({ ...entry, attempt: 2 });
    store.history.add({ ...entry, exitCode: 3 });
    expect(store.history.list().map(({ attempt, exitCode }) => [attempt, exitCode])).toEqual([
      [2, undefined],
      [1, 3],
    ]);
    expect(store.history.list({ limit: 1 })).toHaveLength(1);
    store.history.clear();
    expect(store.history.list()).toEqual([]);
  });
});

test("every call after close throws", () => {
  const { store } = openStore();
  store.close();
  expect(() => createJob(store)).toThrow();
});
