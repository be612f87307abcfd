import { expect, test } from "vitest";
import { createJudge, type ClaimVerdict } from "../../../src/daemon/host/judge.ts";
import { ownGpus } from "../../../src/daemon/gpus.ts";
import { effectiveLimits } from "../../../src/scheduler/effective-limits.ts";
import { lendingRules } from "../../../src/scheduler/lending-rules.ts";
import type { ClaimMessage } from "../../../src/trust/claim.ts";
import { gibibyte } from "../../scheduler/crew.ts";

const figures = { memoryFree: gibibyte, usedPercent: 0 };
const cards = [
  { id: "GPU-big", model: "A100", memoryTotal: 80 * gibibyte, ...figures },
  { id: "GPU-small", model: "RTX 3060", memoryTotal: 12 * gibibyte, ...figures },
];
const claim: ClaimMessage = {
  ...{ job: { name: "train", uid: "u", generation: 1 }, attempt: 1, executor: "bob", image: "a:1", argv: ["true"] },
  ...{ env: [], workingDir: "", network: "none", outputs: [], guarantee: "AtLeastOnce", leaseSeconds: 90, priority: 0 },
  resources: { cpu: 1, memoryBytes: gibibyte, diskBytes: gibibyte },
};

/** Takes claims as the host does: what was granted is held before the next one is looked at. */
function machine(most?: number): (gpu: ClaimMessage["gpu"]) => ClaimVerdict {
  const held = new Set<string>();
  const spec = most === undefined ? {} : { gpus: most };
  const judge = createJudge({
    rules: () => lendingRules(spec, "Etc/UTC"),
    limits: () => effectiveLimits(spec, { cpus: 8, memoryBytes: 64 * gibibyte, diskBytes: 500 * gibibyte }),
    allocated: () => ({ cpu: 0, memoryBytes: 0, diskBytes: 0, jobs: 0 }),
    gpus: () => ownGpus(cards, held, most ?? Infinity),
    health: () => Promise.reject(new Error("nobody asks")),
    machine: () => ({}),
    now: () => new Date("2026-01-01T00:00:00Z"),
  });
  return (gpu) => {
    const verdict = judge.decide({ ...claim, ...(gpu === undefined ? {} : { gpu }) }, "alice");
    if (verdict.granted) for (const id of verdict.gpus ?? []) held.add(id);
    return verdict;
  };
}

test("claims get different GPUs until none is left, and then they may wait", () => {
  const decide = machine();
  expect(decide({ count: 1 })).toMatchObject({ granted: true, gpus: ["GPU-small"] });
  expect(decide({ count: 1 })).toMatchObject({ granted: true, gpus: ["GPU-big"] });
  expect(decide({ count: 1 })).toMatchObject({
    granted: false,
    waitable: true,
    reasons: [{ limit: "gpus", free: "0" }],
  });
});

test("a claim without GPUs gets none", () => {
  expect(machine()(undefined)).not.toHaveProperty("gpus");
});

test("model and memory are kept to", () => {
  const decide = machine();
  expect(decide({ count: 1, minMemoryBytes: 40 * gibibyte })).toMatchObject({ gpus: ["GPU-big"] });
  expect(decide({ count: 1, model: "a100" })).toMatchObject({ granted: false, waitable: true });
  expect(decide({ count: 1, model: "h100" })).toMatchObject({ granted: false, waitable: false });
});

test("Limits say how many are held together", () => {
  const decide = machine(1);
  expect(decide({ count: 2 })).toMatchObject({ granted: false, waitable: false });
  expect(decide({ count: 1 })).toMatchObject({ granted: true });
  expect(decide({ count: 1 })).toMatchObject({ granted: false, waitable: true });
  expect(machine(0)({ count: 1 })).toMatchObject({ granted: false, waitable: false });
});
