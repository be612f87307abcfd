import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseContainerFacts, isUntouched } from "../../../src/adapters/docker/container-facts.ts";
import type { InspectedContainer } from "../../../src/adapters/docker/container-facts.ts";
import { engineMessage, translateEngineError } from "../../../src/adapters/docker/engine-error.ts";
import type { EngineReport } from "../../../src/adapters/docker/health.ts";
import { judgeEngine } from "../../../src/adapters/docker/health.ts";
import { readJsonLines } from "../../../src/adapters/docker/json-lines.ts";
import { parseContainerName } from "../../../src/adapters/docker/names.ts";
import { parsePullRef } from "../../../src/adapters/docker/pull-ref.ts";

const never = "0001-01-01T00:00:00Z";
const started = "2026-11-23T02:45:35.919599237Z";
const finished = "2026-11-23T02:46:00.1Z";

function container(state: Partial<InspectedContainer["State"]>): InspectedContainer {
  return {
    Id: "c1",
    Config: { Labels: { "homie.spec-sha256": "s" } },
    State: {
      Status: "created",
      Running: false,
      ExitCode: 0,
      Error: "",
      OOMKilled: false,
      StartedAt: never,
      FinishedAt: never,
      ...state,
    },
  };
}

describe("what an engine says of a container", () => {
  const found = { containerId: "c1", specSha256: "s" };
  const times = { startedAt: "2026-11-23T02:45:35.919Z", finishedAt: "2026-11-23T02:46:00.100Z" };
  it.each([
    ["created", {}, { phase: "created", ...found }],
    [
      "running",
      { Status: "running", Running: true, StartedAt: started },
      { phase: "running", ...found, startedAt: times.startedAt },
    ],
    [
      "paused by hand",
      { Status: "paused", Running: true, StartedAt: started },
      { phase: "running", ...found, startedAt: times.startedAt },
    ],
    [
      "ended",
      { Status: "exited", ExitCode: 3, StartedAt: started, FinishedAt: finished },
      { phase: "exited", ...found, exitCode: 3, ...times, oomKilled: false },
    ],
    [
      "out of memory",
      { Status: "exited", ExitCode: 137, OOMKilled: true, StartedAt: started, FinishedAt: finished },
      { phase: "exited", ...found, exitCode: 137, ...times, oomKilled: true },
    ],
    [
      "not startable, which Docker calls created",
      { ExitCode: 127, Error: "exec: not found" },
      {
        phase: "exited",
        ...found,
        exitCode: 127,
        oomKilled: false,
        startError: "exec: not found",
        startedAt: "1970-01-01T00:00:00.000Z",
        finishedAt: "1970-01-01T00:00:00.000Z",
      },
    ],
  ] as const)("%s", (_, state, facts) => {
    expect(parseContainerFacts(container(state as Partial<InspectedContainer["State"]>))).toEqual(facts);
  });

  it("only a container that never ran and never failed to may be thrown away", () => {
    const states = [
      {},
      { ExitCode: 127, Error: "x" },
      { Status: "exited", StartedAt: started },
      { Status: "running", Running: true },
    ];
    expect(states.map((state) => isUntouched(container(state)))).toEqual([true, false, false, false]);
  });
});

describe("an engine", () => {
  const good: EngineReport = {
    engine: "docker",
    ownCgroupView: true,
    serverVersion: "28.0.0",
    apiVersion: "1.48",
    securityOptions: ["name=apparmor", "name=seccomp,profile=builtin"],
    storageDriver: "overlay2",
    runcVersion: "1.3.3",
    osType: "linux",
    memoryLimit: true,
    swapLimit: true,
    pidsLimit: true,
    cpuLimit: true,
    gpus: false,
  };
  it("is taken without warnings when it has everything", () => {
    expect(judgeEngine(good)).toEqual({ ok: true, engine: "docker", version: "28.0.0", warnings: [] });
  });

  it.each([
    ["has no seccomp", { securityOptions: ["name=apparmor"] }, "SeccompMissing"],
    ["has seccomp in name only", { securityOptions: ["name=seccompish"] }, "SeccompMissing"],
    ["is too old", { apiVersion: "1.40" }, "EngineTooOld"],
    ["runs Windows containers", { osType: "windows" }, "EngineNotLinux"],
  ])("is refused when it %s", (_, more, reason) => {
    expect(judgeEngine({ ...good, ...more })).toMatchObject({ ok: false, reason });
  });

  it.each([
    ["lacks AppArmor", { securityOptions: ["name=seccomp,profile=default"] }, /AppArmor/],
    ["has an old runc", { runcVersion: "1.1.5+ds1-1+deb12u1" }, /runc 1\.1\.5/],
    ["cannot limit swap", { swapLimit: false }, /no swap limits/],
    ["is rootless", { securityOptions: [...good.securityOptions, "name=rootless"] }, /rootless/],
  ])("is taken with a word about it when it %s", (_, more, warning) => {
    const health = judgeEngine({ ...good, ...more });
    expect(health.ok && health.warnings.some((line) => warning.test(line))).toBe(true);
  });

  it("of a version 1.41 or above is new enough", () => {
    expect(["1.41", "1.100", "2.0"].map((apiVersion) => judgeEngine({ ...good, apiVersion }).ok)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe("an error of the engine", () => {
  it.each([
    [{ statusCode: 500, json: { message: "no space left" } }, "ContainerCreateFailed", "no space left"],
    [{ code: "ECONNREFUSED", message: "connect ECONNREFUSED" }, "EngineUnavailable", "connect ECONNREFUSED"],
    [{ name: "TimeoutError", message: "timed out" }, "EngineUnavailable", "timed out"],
    [new Error("socket hang up"), "EngineUnavailable", "socket hang up"],
  ])("%o becomes %s", (error, code, said) => {
    const translated = translateEngineError(error, "ContainerCreateFailed", "cannot do it");
    expect([translated.code, translated.cause]).toEqual([code, error]);
    if (error instanceof Error || "statusCode" in error) expect(translated.message).toContain(said);
    expect(engineMessage(new Error("  x "))).toBe("x");
  });
});

describe("an image reference", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  it.each([
    ["python", { fromImage: "python", tag: "latest" }],
    ["python:3.12-slim", { fromImage: "python", tag: "3.12-slim" }],
    ["localhost:5000/a/b", { fromImage: "localhost:5000/a/b", tag: "latest" }],
    ["localhost:5000/a/b:1", { fromImage: "localhost:5000/a/b", tag: "1" }],
    [`ghcr.io/a/b:1@${digest}`, { fromImage: "ghcr.io/a/b", tag: digest }],
    [digest, undefined],
    ["0".repeat(64), undefined],
    ["a b", undefined],
    ["../x", undefined],
    ["a?fromSrc=http://x", undefined],
    ["a@sha256:short", undefined],
    ["", undefined],
  ])("%j asks a registry for %o", (reference, expected) => {
    expect(parsePullRef(reference)).toEqual(expected);
  });
});

describe("a container name", () => {
  it.each([
    ["/homie-0192-1", "0192-1"],
    ["homie-0192-12", "0192-12"],
    ["homie-0192-0", undefined],
    ["homie-x", undefined],
    ["other-0192-1", undefined],
  ])("%s stands for %s", (name, expected) => {
    expect(parseContainerName(name)).toBe(expected);
  });
});

describe("messages of the engine", () => {
  it("are the same wherever the wire was cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (values, step) => {
          const wire = Buffer.from(values.map((value) => `${JSON.stringify(value)}\r\n`).join(""));
          const got: unknown[] = [];
          for await (const value of readJsonLines(inSteps(wire, step))) got.push(value);
          expect(JSON.stringify(got)).toBe(JSON.stringify(values));
        },
      ),
    );
  });

  it("without an end are refused", async () => {
    const endless = inSteps(Buffer.alloc(2 * 1024 * 1024, 0x20), 65_536);
    await expect(Array.fromAsync(readJsonLines(endless))).rejects.toThrow(/without an end/);
  });
});

async function* inSteps(bytes: Buffer, step: number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}
