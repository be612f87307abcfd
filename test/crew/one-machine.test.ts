import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { wire, type Wiring } from "../../src/daemon/wiring.ts";
import type { Job } from "../../src/resources/job.ts";
import type { ObjectStore } from "../../src/store/types.ts";
import { file, manifest, openStore, reading, testLog } from "../store/store-fixture.ts";
import { createFakeRuntime, fakeCollector, FakeEngine } from "../support/fake-engine.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** Deterministic numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Killed extends Error {}

/** One home whose daemon dies at the chosen port calls and is started again over the same store and engine. */
class Machine {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine(this.clock);
  readonly store: ObjectStore;
  readonly published = new Map<string, number>();
  kills = 0;
  readonly #path: string;
  readonly #random: () => number;
  readonly #killRate: number;
  #wiring: Wiring | undefined;
  #dead = false;
  #abort = new AbortController();

  constructor(seed: number, killRate: number) {
    const opened = openStore(undefined, { now: () => this.clock.now(), advance: () => undefined });
    this.store = opened.store;
    this.#path = opened.path;
    this.#random = randomFrom(seed);
    this.#killRate = killRate;
  }

  start(): void {
    this.#dead = false;
    this.#abort = new AbortController();
    let alive = true;
    this.#abort.signal.addEventListener("abort", () => (alive = false));
    const gate = (): void => {
      if (!alive) throw new Killed("a dead daemon does nothing");
      if (this.#random() >= this.#killRate) return;
      this.kills++;
      this.#dead = true;
      this.#abort.abort();
      throw new Killed("killed");
    };
    const runtime = createFakeRuntime(this.engine, gate);
    this.#wiring = wire({
      store: gated(this.store, gate),
      declared: { remove: () => Promise.reject(new Error("no ttl in this test")) },
      clock: this.clock,
      log: testLog(),
      random: this.#random,
      signal: this.#abort.signal,
      node: "alice",
      machine: { cpus: 2, memoryBytes: 8 * 2 ** 30, diskBytes: 2 ** 40 },
      runtimes: { docker: runtime, process: runtime },
      collector: fakeCollector,
      files: { removeStagedOutputs: () => Promise.resolve(), removeAll: () => Promise.resolve() },
      publisher: {
        publish: (job) => {
          gate();
          this.published.set(job.metadata.name, (this.published.get(job.metadata.name) ?? 0) + 1);
          return Promise.resolve({ files: [{ path: "out.txt", bytes: 1, sha256: "00" }], path: "/r", diverted: [] });
        },
      },
      scripts: { readFirstLine: () => Promise.resolve({ ok: true, line: "" }), argv: (path) => [path] },
      environments: () => ({ images: new Map() }),
    });
    this.#wiring.start();
  }

  async run(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    while (this.clock.monotonicMs() < endMs) {
      await this.clock.advance(50);
      if (!this.#dead) continue;
      await this.#wiring?.stop();
      this.start();
    }
  }

  declare(jobs: Readonly<Record<string, object>>): void {
    const manifests = Object.entries(jobs).map(([name, spec]) => manifest("Job", name, spec));
    this.store.takeDesired(
      reading(manifests.map((each) => file(`/d/${each.metadata.name}.yaml`, [each]))),
      this.clock.now(),
    );
  }

  job(name: string): Job | undefined {
    return this.store.get<Job>({ kind: "Job", name });
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#wiring?.stop();
    this.store.close();
    rmSync(dirname(this.#path), { recursive: true, force: true });
  }
}

/** The store with every durable write passing the gate before and after, as a kill can fall on either side. */
function gated(store: ObjectStore, gate: () => void): ObjectStore {
  const writes = new Set(["putStatus", "putSpec", "create", "delete", "setFinalizers"]);
  return new Proxy(store, {
    get(subject, property) {
      const member: unknown = Reflect.get(subject, property);
      if (typeof member !== "function" || !writes.has(String(property))) return member;
      return (...args: unknown[]): unknown => {
        gate();
        const result: unknown = Reflect.apply(member, subject, args);
        gate();
        return result;
      };
    },
  });
}

const program = (runMs: number, exitCode: number, more: object = {}): object => ({
  image: "busybox",
  command: ["run", String(runMs), String(exitCode)],
  ...more,
});

const workload = {
  quick: program(200, 0),
  slow: program(3_000, 0),
  fails: program(200, 3),
  retries: program(200, 3, { backoffLimit: 1 }),
  late: program(60_000, 0, { timeoutSeconds: 2 }),
};

const expected = {
  quick: ["Succeeded", "Completed", 1],
  slow: ["Succeeded", "Completed", 1],
  fails: ["Failed", "Error", 1],
  retries: ["Failed", "Error", 2],
  late: ["Failed", "Timeout", 1],
};

/** 1 in n port calls kills the daemon; more seeds with HOMIE_SEEDS. */
const seeds = Array.from({ length: Number(process.env["HOMIE_SEEDS"] ?? 25) }, (_, index) => index + 1);

describe("one machine", () => {
  it.each([0, ...seeds])(
    "brings every job to its end, starting each attempt once, whenever the daemon is killed (seed %i)",
    async (seed) => {
      const machine = new Machine(seed, seed === 0 ? 0 : 0.02);
      try {
        machine.declare(workload);
        machine.start();
        await machine.run(60_000);
        for (const [name, [phase, reason, attempts]] of Object.entries(expected)) {
          const status = machine.job(name)?.status;
          expect([name, status?.phase, status?.reason, status?.attempt]).toEqual([name, phase, reason, attempts]);
        }
        expect([...machine.engine.starts.values()].every((count) => count === 1)).toBe(true);
        expect(machine.engine.starts.size).toBe(6);
        expect(machine.engine.containers.size).toBe(0);
        expect(machine.store.history.list().length).toBe(6);
        if (seed === 0) expect(machine.published.get("quick")).toBe(1);
        else expect(machine.kills).toBeGreaterThan(0);
      } finally {
        await machine.close();
      }
    },
  );

  it("runs a changed job again under a new attempt number and removes the old attempt", async () => {
    const machine = new Machine(1, 0);
    try {
      machine.declare({ train: program(200, 0) });
      machine.start();
      await machine.run(3_000);
      machine.declare({ train: program(300, 4) });
      await machine.run(3_000);
      expect(machine.job("train")?.status).toMatchObject({
        observedGeneration: 2,
        phase: "Failed",
        exitCode: 4,
        attempt: 2,
      });
      expect(machine.store.list("Attempt").length).toBe(1);
    } finally {
      await machine.close();
    }
  });

  it("stops and removes everything of a job whose file is gone", async () => {
    const machine = new Machine(1, 0);
    try {
      machine.declare({ train: program(60_000, 0), other: program(200, 0) });
      machine.start();
      await machine.run(1_000);
      machine.declare({ other: program(200, 0) });
      await machine.run(2_500);
      machine.declare({ other: program(200, 0) });
      await machine.run(5_000);
      expect(machine.job("train")).toBeUndefined();
      expect(machine.store.list("Attempt").length).toBe(1);
      expect(machine.engine.containers.size).toBe(0);
    } finally {
      await machine.close();
    }
  });

  it("cancels a waiting and a running job", async () => {
    const machine = new Machine(1, 0);
    try {
      const two = { resources: { cpu: 2 } };
      machine.declare({ a: program(60_000, 0, two), b: program(60_000, 0, two) });
      machine.start();
      await machine.run(1_000);
      const phases = ["a", "b"].map((name) => machine.job(name)?.status?.phase);
      expect(new Set(phases)).toEqual(new Set(["Pending", "Running"]));
      for (const name of ["a", "b"]) machine.store.requestCancel(name, "by alice");
      await machine.run(5_000);
      for (const name of ["a", "b"])
        expect(machine.job(name)?.status).toMatchObject({ phase: "Cancelled", message: "by alice" });
    } finally {
      await machine.close();
    }
  });

  it("never runs more than the limits allow, and starts the next when one ends", async () => {
    const machine = new Machine(1, 0);
    try {
      const jobs = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`job-${index}`, program(1_000, 0)]));
      machine.declare(jobs);
      machine.start();
      let most = 0;
      for (let turn = 0; turn < 200; turn++) {
        await machine.run(50);
        const running = [...machine.engine.containers.keys()].filter(
          (name) => machine.engine.facts(name).phase === "running",
        );
        most = Math.max(most, running.length);
      }
      expect(most).toBe(2);
      expect(machine.store.list<Job>("Job").every(({ status }) => status?.phase === "Succeeded")).toBe(true);
    } finally {
      await machine.close();
    }
  });

  it("writes nothing once everything has converged", async () => {
    const machine = new Machine(1, 0);
    try {
      machine.declare(workload);
      machine.start();
      await machine.run(30_000);
      const version = machine.store.currentVersion();
      await machine.run(60_000);
      expect(machine.store.currentVersion()).toBe(version);
    } finally {
      await machine.close();
    }
  });
});
