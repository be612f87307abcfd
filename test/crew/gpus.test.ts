import { afterEach, describe, expect, it } from "vitest";
import type { SeenGpu } from "../../src/adapters/system/gpus.ts";
import { Machine } from "./simulation/machine.ts";
import { program } from "./simulation/programs.ts";
import { randomFrom } from "./simulation/random.ts";

const gibibyte = 2 ** 30;
const card = (id: string, model: string, gibibytes: number): SeenGpu => ({
  ...{ id, model, memoryTotal: gibibytes * gibibyte },
  ...{ memoryFree: gibibytes * gibibyte, usedPercent: 0 },
});
const gpus = [card("GPU-a", "A100", 80), card("GPU-b", "RTX 3060", 12)];
const withGpu = (runMs: number, gpu: object = {}): object =>
  program(runMs, 0, { resources: { cpu: "100m", memory: "64Mi", gpu } });
const workload = {
  any: withGpu(900),
  large: withGpu(1_200, { minMemory: "40Gi" }),
  both: withGpu(700, { count: 2 }),
  named: withGpu(400, { model: "a100" }),
  another: withGpu(600),
  plain: program(300, 0, { resources: { cpu: "100m", memory: "64Mi" } }),
};
const seeds = [0, 1, 2, 3, 4, 5, 6, 7];

describe("the GPUs of one machine", () => {
  let machine: Machine;
  afterEach(() => machine.close());

  function start(hooks: ConstructorParameters<typeof Machine>[0], jobs: Parameters<Machine["declare"]>[0]): void {
    machine = new Machine({ gpus, ...hooks });
    machine.declare(jobs, { maxJobs: 8 });
    machine.start();
  }
  /** Of programs that run, whatever the daemon knows of them. */
  const held = (): readonly string[] => machine.engine.running().flatMap(({ spec }) => spec.gpus ?? []);
  const phases = (): readonly unknown[] => Object.keys(workload).map((name) => machine.job(name)?.status?.phase);

  it.each(seeds)(
    "are never used by two at once, and everybody gets one, whenever the daemon is killed (seed %i)",
    async (seed) => {
      const random = randomFrom(seed);
      start({ random, dies: () => seed > 0 && random() < 0.02 }, workload);
      await machine.run(30_000, () => expect(new Set(held()).size).toBe(held().length));
      expect(phases()).toEqual(Object.keys(workload).map(() => "Succeeded"));
      for (const { spec } of machine.engine.containers.values()) expect(spec.gpus).toBeUndefined();
    },
  );

  it("fit what was asked for", async () => {
    start({}, { large: withGpu(1_000, { minMemory: "40Gi" }), any: withGpu(1_000), plain: program(1_000, 0) });
    await machine.run(500);
    const byJob = machine.engine.running().map(({ spec }) => [spec.job.name, spec.gpus]);
    expect(Object.fromEntries(byJob)).toEqual({ large: ["GPU-a"], any: ["GPU-b"], plain: undefined });
  });

  it("stay with who holds them when the database is lost", async () => {
    start({}, { large: withGpu(4_000, { model: "a100" }) });
    await machine.run(500);
    machine.loseState();
    machine.declare({ large: withGpu(4_000, { model: "a100" }), second: withGpu(300, { model: "a100" }) });
    await machine.run(8_000, () => expect(new Set(held()).size).toBe(held().length));
    expect([...machine.engine.starts.values()]).toEqual([1, 1]);
    expect(machine.job("second")?.status?.phase).toBe("Succeeded");
  });

  it("are held by as many as Limits say", async () => {
    machine = new Machine({ gpus });
    machine.declare(workload, { maxJobs: 8, gpus: 1 });
    machine.start();
    await machine.run(20_000, () => expect(held().length).toBeLessThanOrEqual(1));
    expect(machine.job("both")?.status).toMatchObject({ phase: "Pending", reason: "Unschedulable" });
    expect(phases().filter((phase) => phase === "Succeeded")).toHaveLength(5);
  });
});
