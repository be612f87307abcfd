import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { homePaths } from "../../../src/adapters/home.ts";
import { createProcessRuntime } from "../../../src/adapters/process/runtime.ts";
import { createProcessInventory } from "../../../src/adapters/process/survey.ts";
import { makeAttempt, shell } from "../../contract/attempt-fixture.ts";
import { temporaryDirectory, testLog } from "../../store/store-fixture.ts";

describe("what lies in runs/ and is not known", () => {
  it("is found with its job, spec, GPUs and phase; another node's and what is known are not", async () => {
    const paths = homePaths(temporaryDirectory());
    const runtime = createProcessRuntime({ paths, nodeId: "alice", clock: systemClock, log: testLog() });
    const attempt = makeAttempt({ runtime: "process", argv: shell("sleep 30"), gpus: ["GPU-a"] });
    await runtime.stage(attempt, new AbortController().signal);
    const inventory = createProcessInventory(paths, "alice");
    const { uid } = attempt.spec.job;
    const known = { job: "contract", specSha256: attempt.spec.specSha256, gpus: ["GPU-a"] };
    const staged = { name: `${uid}-1`, uid, attempt: 1, ...known };
    expect(await inventory.survey(() => false)).toEqual([{ ...staged, phase: "created" }]);
    await runtime.start(attempt);
    expect(await inventory.survey(() => false)).toEqual([{ ...staged, phase: "running" }]);
    expect(await inventory.survey((name) => name === staged.name)).toEqual([]);
    expect(await createProcessInventory(paths, "bob").survey(() => false)).toEqual([]);
    await runtime.remove(attempt);
    expect(await inventory.survey(() => false)).toEqual([]);
  });
});
