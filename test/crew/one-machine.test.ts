import { describe, expect, it } from "vitest";
import type { Job } from "../../src/resources/job.ts";
import { Machine } from "./simulation/machine.ts";
import { expected, program, workload } from "./simulation/programs.ts";
import { randomFrom } from "./simulation/random.ts";

function machineWith(seed: number, killRate: number): Machine {
  const random = randomFrom(seed);
  return new Machine({ random, dies: () => random() < killRate });
}

/** 1 in n port calls kills the daemon; more seeds with HOMIE_SEEDS. */
const seeds = Array.from({ length: Number(process.env["HOMIE_SEEDS"] ?? 25) }, (_, index) => index + 1);

describe("one machine", () => {
  it.each([0, ...seeds])(
    "brings every job to its end, starting each attempt once, whenever the daemon is killed (seed %i)",
    async (seed) => {
      const machine = machineWith(seed, seed === 0 ? 0 : 0.02);
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
        machine.close();
      }
    },
  );

  it("runs a changed job again under a new attempt number and removes the old attempt", async () => {
    const machine = new Machine();
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
      machine.close();
    }
  });

  it("stops and removes everything of a job whose file is gone", async () => {
    const machine = new Machine();
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
      machine.close();
    }
  });

  it("cancels a waiting and a running job", async () => {
    const machine = new Machine();
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
      machine.close();
    }
  });

  it("never runs more than the limits allow, and starts the next when one ends", async () => {
    const machine = new Machine();
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
      machine.close();
    }
  });

  it("writes nothing once everything has converged", async () => {
    const machine = new Machine();
    try {
      machine.declare(workload);
      machine.start();
      await machine.run(30_000);
      const version = machine.store.currentVersion();
      await machine.run(60_000);
      expect(machine.store.currentVersion()).toBe(version);
    } finally {
      machine.close();
    }
  });
});
