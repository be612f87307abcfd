import { describe, expect, it } from "vitest";
import { Engine } from "../../src/reconciler/engine.ts";
import { drive } from "../../src/reconciler/drive.ts";
import type { Context, Controller, Key, Reconciler, Store } from "../../src/reconciler/types.ts";
import { HomieError, TerminalError } from "../../src/resources/errors.ts";
import type { Job } from "../../src/resources/job.ts";
import { testLog } from "../store/store-fixture.ts";
import { aJob } from "../support/builders.ts";
import { FakeClock } from "../support/fake-clock.ts";

interface Bench {
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly context: Context;
  readonly events: string[];
  readonly abort: AbortController;
  change(name: string): void;
}

function bench(
  reconciler: Reconciler,
  names: readonly string[],
  jobs = new Map<string, Job>(),
  breathe?: () => Promise<void>,
): Bench {
  const clock = new FakeClock();
  const events: string[] = [];
  const abort = new AbortController();
  const watchers = new Set<(key: Key) => void>();
  for (const name of names) if (!jobs.has(name)) jobs.set(name, aJob({ name }));
  const store = {
    get: (key: Key) => jobs.get(key.name),
    list: () => [...jobs.values()],
    putStatus: (job: Job, status: Job["status"]) => {
      if (JSON.stringify(job.status) === JSON.stringify(status)) return job;
      jobs.set(job.metadata.name, { ...job, ...(status === undefined ? {} : { status }) });
      for (const watcher of watchers) watcher({ kind: "Job", name: job.metadata.name });
      return job;
    },
    setFinalizers: () => undefined,
    watch: (_kind: string, onChange: (key: Key) => void) => {
      watchers.add(onChange);
      return { [Symbol.dispose]: () => watchers.delete(onChange) };
    },
  } as unknown as Store;
  const context: Context = {
    store,
    clock,
    log: testLog(),
    signal: abort.signal,
    events: { record: (about, type, reason) => void events.push(`${type} ${reason} ${about.name}`) },
  };
  const engine = new Engine({ context, random: () => 0, ...(breathe && { breathe }) });
  engine.register({ kind: "Job", reconciler, workers: 2, resyncMs: 3_600_000 });
  engine.start();
  const change = (name: string): void => {
    for (const watcher of watchers) watcher({ kind: "Job", name });
  };
  return { clock, engine, context, events, abort, change };
}

async function stop({ abort, engine }: Bench): Promise<void> {
  abort.abort();
  await engine.stop();
}

describe("engine", () => {
  it("lets others have a turn after each key, however many are due", async () => {
    const done: string[] = [];
    const reconciler: Reconciler = {
      reconcile: ({ name }) => {
        done.push(name);
        return Promise.resolve({});
      },
    };
    const turns: (() => void)[] = [];
    const breathe = (): Promise<void> => new Promise((resolve) => turns.push(resolve));
    const names = Array.from({ length: 50 }, (_, index) => `job-${index}`);
    const test = bench(reconciler, names, new Map(), breathe);
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toHaveLength(2);
    while (turns.length > 0) {
      for (const turn of turns.splice(0)) turn();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(done.toSorted()).toEqual(names.toSorted());
    await stop(test);
  });

  it("tries a failing key again after one, two and four seconds, and never stops the others", async () => {
    const calls: string[] = [];
    const reconciler: Reconciler = {
      reconcile: ({ name }) => {
        calls.push(name);
        return name === "bad" ? Promise.reject(new Error("broken")) : Promise.resolve({});
      },
    };
    const test = bench(reconciler, ["bad", "good"]);
    await test.clock.advance(0);
    expect(calls.toSorted((a, b) => a.localeCompare(b))).toEqual(["bad", "good"]);
    await test.clock.advance(1_000);
    await test.clock.advance(2_000);
    expect(calls.filter((name) => name === "bad").length).toBe(3);
    await test.clock.advance(3_999);
    expect(calls.filter((name) => name === "bad").length).toBe(3);
    await test.clock.advance(1);
    expect(calls.filter((name) => name === "bad").length).toBe(4);
    test.change("good");
    await test.clock.advance(0);
    expect(calls.filter((name) => name === "good").length).toBe(2);
    expect(test.events).toContain("Warning InternalError bad");
    await stop(test);
  });

  it("leaves a key alone after a terminal error until it changes", async () => {
    let calls = 0;
    const reconciler: Reconciler = {
      reconcile: () => {
        calls++;
        return Promise.reject(new TerminalError("InvalidResource", "cannot ever work"));
      },
    };
    const test = bench(reconciler, ["a"]);
    await test.clock.advance(600_000);
    expect(calls).toBe(1);
    test.change("a");
    await test.clock.advance(0);
    expect(calls).toBe(2);
    await stop(test);
  });

  it("looks again at once after a conflicting write, without complaint", async () => {
    let calls = 0;
    const reconciler: Reconciler = {
      reconcile: () => (++calls === 1 ? Promise.reject(new HomieError("Conflict", "stale")) : Promise.resolve({})),
    };
    const test = bench(reconciler, ["a"]);
    await test.clock.advance(0);
    expect(calls).toBe(2);
    expect(test.events).toEqual([]);
    await stop(test);
  });

  it("brings a key back when it asks for it", async () => {
    let calls = 0;
    const test = bench({ reconcile: () => Promise.resolve(++calls < 3 ? { requeueAfterMs: 500 } : {}) }, ["a"]);
    await test.clock.advance(499);
    expect(calls).toBe(1);
    await test.clock.advance(60_000);
    expect(calls).toBe(3);
    await stop(test);
  });
});

describe("drive", () => {
  it("acts until there is nothing to do, writes status once a pass, and then keeps still", async () => {
    let level = 0;
    const acted: string[] = [];
    const controller: Controller<Job, number, { readonly type: "Raise" }> = {
      kind: "Job",
      observe: () => Promise.resolve(level),
      plan: (_job, actual) => (actual < 2 ? [{ type: "Raise" }] : []),
      execute: (action) => {
        acted.push(action.type);
        level++;
        return Promise.resolve();
      },
      summarize: (_job, actual) => ({ status: { message: `level ${actual}` }, result: {} }),
    };
    const jobs = new Map([["a", aJob({ name: "a" })]]);
    const test = bench(drive(controller), ["a"], jobs);
    await test.clock.advance(1_000);
    expect(acted).toEqual(["Raise", "Raise"]);
    expect(jobs.get("a")?.status?.message).toBe("level 2");
    const settled = jobs.get("a");
    test.change("a");
    await test.clock.advance(60_000);
    expect(jobs.get("a")).toBe(settled);
    expect(acted.length).toBe(2);
    await stop(test);
  });
});
