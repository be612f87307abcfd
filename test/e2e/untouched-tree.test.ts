import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DockerRuntime } from "../../src/adapters/docker/docker-runtime.ts";
import type { AttemptSpec } from "../../src/resources/attempt.ts";
import { makeAttempt, shell } from "../contract/attempt-fixture.ts";
import type { DockerBed } from "../contract/docker-bed.ts";
import { isEngineMissing, makeDockerBed } from "../contract/docker-bed.ts";
import { readTree, until } from "../contract/observe.ts";
import { type EngineSteps, openSteps } from "../support/engine-steps.ts";
import type { TestEngine } from "../support/engine.ts";
import { startEngine } from "../support/engine.ts";

describe.skipIf(await isEngineMissing("a work directory"))("a work directory that nothing was put into", () => {
  let engine: TestEngine;
  let proxy: EngineSteps;
  let bed: DockerBed;
  let runtime: DockerRuntime;
  let archives = 0;
  beforeAll(async () => {
    engine = await startEngine();
    proxy = await openSteps(engine.socket);
    proxy.watch = ({ method, path }, moment) => {
      if (moment === "before" && method === "GET" && path.endsWith("/archive")) archives += 1;
      return false;
    };
  });
  afterAll(async () => {
    await proxy?.close();
    await engine?.stop();
  });
  beforeEach(async () => {
    bed = await makeDockerBed(engine);
    runtime = bed.openDocker(`unix://${proxy.socket}`);
    archives = 0;
  });
  afterEach(async () => {
    await runtime.close();
    await bed.close();
  });

  /** What a program leaves, and how many archives the engine was asked for. */
  async function runIn(script: string, more: Partial<AttemptSpec> = {}): Promise<readonly [object, number]> {
    const attempt = makeAttempt({ ...bed.spec, argv: shell(script), ...more });
    await runtime.stage(attempt, AbortSignal.timeout(60_000));
    await runtime.start(attempt);
    await until(
      () => runtime.capture(attempt).phase === "complete",
      () => runtime.capture(attempt).phase,
    );
    return [await readTree(runtime, attempt), archives];
  }

  it("is not asked for", async () => {
    expect(await runIn("ls -la; cat /etc/passwd; echo done")).toEqual([{}, 0]);
  });

  it.each([
    ["a file", "echo 1 >out", { out: "1\n" }],
    ["a file in a directory", "mkdir -p a/b; echo 1 >a/b/c", { "a/b/c": "1\n" }],
    ["an empty directory", "mkdir a", {}],
    ["a file that is taken away again", "echo 1 >out; rm out", {}],
    ["a file with a time of long ago", "echo 1 >out; touch -d '2001-01-01 00:00:00' out", { out: "1\n" }],
  ])("is asked for when the program makes %s", async (_, script, expected) => {
    expect(await runIn(script)).toEqual([expected, 1]);
  });

  it.each([
    ["a file that is there", "echo 2 >in", { in: "2\n" }],
    ["a directory that is there", "echo 2 >empty/out", { in: "1\n", "empty/out": "2\n" }],
  ])("is asked for when files were brought in and the program writes into %s", async (_, script, expected) => {
    const project = join(bed.scratch, "project");
    mkdirSync(join(project, "empty"), { recursive: true });
    writeFileSync(join(project, "in"), "1\n");
    const files = [{ from: join(project, "empty"), to: "empty" }];
    const sources = { exclude: [], projectPath: project, files };
    expect(await runIn(script, { sources })).toEqual([expected, 1]);
  });
});
