import { describe, expect, it } from "vitest";
import { buildTemplate, type TemplateFacts } from "../../../src/controllers/job/template.ts";
import type { JobSpec } from "../../../src/resources/job.ts";
import { effectiveLimits } from "../../../src/scheduler/effective-limits.ts";
import { aJob } from "../../support/builders.ts";

const machine = { cpus: 4, memoryBytes: 16 * 2 ** 30, diskBytes: 500 * 2 ** 30 };

function facts(more: Partial<TemplateFacts> = {}): TemplateFacts {
  return {
    baseDirectory: "/home/alice/project",
    homeDirectory: "/home/alice",
    limits: effectiveLimits({}, machine),
    environments: new Map([["ml", "ml-demo:1"]]),
    scriptArgv: (path, args) => ["python3", path, ...args],
    sha256: (text) => String(text.length),
    ...more,
  };
}

function build(spec: Partial<JobSpec>, more: Partial<TemplateFacts> = {}): ReturnType<typeof buildTemplate> {
  return buildTemplate(
    aJob({ spec: { command: undefined, image: undefined, ...spec } as Partial<JobSpec> }),
    facts(more),
  );
}

function template(
  spec: Partial<JobSpec>,
  more: Partial<TemplateFacts> = {},
): Extract<ReturnType<typeof build>, { ok: true }>["template"] {
  const outcome = build(spec, more);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.template;
}

describe("template of an attempt", () => {
  it("keeps a script's place in its project and sends it even if an ignore file leaves it out", () => {
    const made = template({ image: "a", script: "src/train.py", args: ["--x", "$HOME"], project: { path: "." } });
    expect(made.argv).toEqual(["python3", "src/train.py", "--x", "$HOME"]);
    expect(made.sources).toEqual({
      projectPath: "/home/alice/project",
      exclude: [],
      files: [{ from: "/home/alice/project/src/train.py", to: "src/train.py" }],
    });
  });

  it("puts a lone script at the top by its own name", () => {
    expect(template({ image: "a", script: "../tools/go.py" }).sources.files).toEqual([
      { from: "/home/alice/tools/go.py", to: "go.py" },
    ]);
    expect(template({ image: "a", script: "~/go.py" }).sources.files).toEqual([
      { from: "/home/alice/go.py", to: "go.py" },
    ]);
  });

  it("names the script from where the program starts", () => {
    const made = template({ image: "a", script: "src/train.py", project: { path: "." }, workingDir: "data" });
    expect(made.workingDir).toBe("data");
    expect(made.argv).toEqual(["python3", "../src/train.py"]);
  });

  it("joins command and args without a shell", () => {
    expect(template({ image: "a", command: ["echo", "a b"], args: ["; rm -rf /"] }).argv).toEqual([
      "echo",
      "a b",
      "; rm -rf /",
    ]);
  });

  it.each([
    ["data.csv", "data.csv"],
    ["/work/job/in/data.csv", "in/data.csv"],
    ["./in//x", "in/x"],
  ])("places an input at %s", (mountPath, to) => {
    const made = template({ image: "a", command: ["x"], inputs: [{ path: "d.csv", mountPath }] });
    expect(made.sources.files).toEqual([{ from: "/home/alice/project/d.csv", to }]);
  });

  it.each(["../x", "/etc/passwd", "/work/jobs/x", "/work/job", "."])("refuses an input at %s", (mountPath) => {
    expect(build({ image: "a", command: ["x"], inputs: [{ path: "d", mountPath }] })).toMatchObject({
      ok: false,
      reason: "InvalidInput",
      fixable: false,
    });
  });

  it("finds images by environment, and waits for one that is not there", () => {
    expect(template({ environment: "ml", command: ["x"] }).image).toBe("ml-demo:1");
    expect(template({ command: ["x"] }, { defaultEnvironment: "ml" }).image).toBe("ml-demo:1");
    expect(build({ environment: "mll", command: ["x"] })).toMatchObject({
      ok: false,
      fixable: true,
      reason: "EnvironmentMissing",
    });
    expect(build({ command: ["x"] })).toMatchObject({ ok: false, fixable: true });
  });

  it("needs no image where programs run without containers", () => {
    const limits = effectiveLimits({ runtime: "process" }, machine);
    expect(template({ command: ["x"] }, { limits })).toMatchObject({ runtime: "process", argv: ["x"] });
  });

  it("takes the shorter of the job's and the machine's time", () => {
    const limits = effectiveLimits({ timeoutSeconds: 60 }, machine);
    expect(template({ image: "a", command: ["x"], timeoutSeconds: 600 }, { limits }).timeoutSeconds).toBe(60);
    expect(template({ image: "a", command: ["x"], timeoutSeconds: 6 }, { limits }).timeoutSeconds).toBe(6);
    expect(template({ image: "a", command: ["x"] }).timeoutSeconds).toBeUndefined();
  });

  it("brings everything home, also after a failure, when no outputs are named", () => {
    expect(template({ image: "a", command: ["x"] }).outputs).toEqual([
      { paths: [], exclude: [], required: false, when: "Always" },
    ]);
    const [rule] = template({
      image: "a",
      command: ["x"],
      outputs: [{ paths: ["*.pkl"], to: "out", maxSize: "1Ki" }],
    }).outputs;
    expect(rule).toEqual({
      paths: ["*.pkl"],
      exclude: [],
      to: "/home/alice/project/out",
      required: false,
      maxBytes: 1024,
      when: "OnSuccess",
    });
  });

  it("never asks for more than a small machine lends when the job says nothing", () => {
    const limits = effectiveLimits({ cpu: 0.5, memory: "256Mi" }, machine);
    expect(template({ image: "a", command: ["x"] }, { limits }).resources).toMatchObject({
      cpu: 0.5,
      memoryBytes: 256 * 2 ** 20,
    });
  });

  it("changes its digest with whatever decides what runs", () => {
    const digest = (spec: Partial<JobSpec>): string =>
      template({ image: "a", command: ["x"], ...spec }, { sha256: (text) => text }).specSha256;
    expect(digest({})).toBe(digest({}));
    expect(digest({ args: ["1"] })).not.toBe(digest({}));
    expect(digest({ network: "egress" })).not.toBe(digest({}));
  });
});

describe("effective limits", () => {
  it("lend the processors, most of the memory and the disk where nothing is said", () => {
    const { allocatable, pids, runtime, clamped } = effectiveLimits({}, machine);
    expect(allocatable).toEqual({
      cpu: 4,
      memoryBytes: Math.floor(16 * 2 ** 30 * 0.8),
      diskBytes: 500 * 2 ** 30,
      jobs: Infinity,
    });
    expect([pids, runtime, clamped]).toEqual([512, "docker", []]);
  });

  it("are lowered to the machine's size, and say so", () => {
    const { allocatable, clamped } = effectiveLimits({ cpu: 64, memory: "1Ti", maxJobs: 2 }, machine);
    expect(allocatable).toMatchObject({ cpu: 4, memoryBytes: 16 * 2 ** 30, jobs: 2 });
    expect(clamped).toEqual(["cpu", "memory"]);
  });
});
