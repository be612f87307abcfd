import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runRun } from "../../src/cli/commands/run.ts";
import type { RunOptions } from "../../src/cli/run/options.ts";
import { fakeContext, fakeTerminal, finish } from "./fakes.ts";
import type { FakeTerminal, FakeTransport } from "./fakes.ts";
import { aJob, apiOf, finished, jobs, makeDirectory, running } from "./run-support.ts";

interface Ran {
  readonly code: number;
  readonly terminal: FakeTerminal;
  readonly sent: readonly string[];
}

async function run(
  transport: FakeTransport,
  options: RunOptions = {},
  terminal = fakeTerminal({ directory: makeDirectory() }),
): Promise<Ran> {
  const context = fakeContext(terminal, transport);
  const code = await finish(terminal, runRun(context, ["train.py"], { name: "train", ...options }, ["--fast"]));
  return { code, terminal, sent: transport.sent.map(({ method, path }) => `${method} ${path.split("?")[0]}`) };
}

describe("run", () => {
  test("declares the job, streams what it writes with the peer's name, and ends with its exit code", async () => {
    const transport = apiOf([running, finished({ phase: "Failed", exitCode: 7, message: "exit code 7" })]);
    const { code, terminal } = await run(transport);
    expect(code).toBe(7);
    expect(terminal.stdout()).toBe("[bob] epoch 1\n");
    expect(terminal.stderr()).toMatch(/^job\/train: sending 2 files, 10 B \(largest: a 6 B\)\n/);
    expect(terminal.stderr()).toContain("job/train: running on bob\n");
    expect(terminal.stderr()).toContain("[bob] slow\n");
    expect(terminal.stderr()).toMatch(/job\/train failed\n {2}peer: bob\n {2}exit code: 7\n$/);
    const applied = transport.sent.find(({ path }) => path === "/homie/v1/apply");
    expect(JSON.parse(applied?.body ?? "{}")).toMatchObject({ file: "train.yaml", baseDirectory: terminal.directory });
    expect(applied?.body).toContain("--fast");
  });

  test("on a terminal shows boxes, and takes its progress line away before it writes", async () => {
    const terminal = fakeTerminal({ directory: makeDirectory(), isTty: true, columns: 60, env: { NO_COLOR: "1" } });
    const { code } = await run(apiOf([running, finished({ phase: "Succeeded", exitCode: 0 })]), {}, terminal);
    expect(code).toBe(0);
    expect(terminal.stderr()).toContain("╭─ job/train ─");
    expect(terminal.stderr()).toContain("│ run         train.py --fast");
    expect(terminal.stderr()).toContain("╭─ job/train succeeded ─");
    expect(terminal.stderr()).toContain("\r\u001B[2K");
    expect(terminal.stdout()).toBe("[bob] epoch 1\n");
  });

  test("--detach prints the name and leaves", async () => {
    const { code, terminal, sent } = await run(apiOf([running]), { detach: true });
    expect([code, terminal.stdout()]).toEqual([0, "job/train\n"]);
    expect(sent.at(-1)).toBe("POST /homie/v1/apply");
  });

  test("--dry-run prints the manifest and what would travel, and declares nothing", async () => {
    const transport = apiOf([]);
    const { code, terminal } = await run(transport, { dryRun: true });
    expect(code).toBe(0);
    expect(terminal.stdout()).toContain("kind: Job\n");
    expect(terminal.stderr()).toBe("would send 2 files, 10 B, the largest:\n  6 B  a\n");
    expect(JSON.parse(transport.sent.at(-1)?.body ?? "{}")).toMatchObject({ dryRun: true });
  });

  test("--dry-run=peers prints where it would go", async () => {
    const answer = { chosen: { peer: "bob", score: 80 }, others: [], rejected: [{ peer: "eve", reason: "NoGpu" }] };
    const known = await run(apiOf([], { "POST /homie/v1/placements": { json: answer } }), { dryRun: "peers" });
    expect([known.code, known.terminal.stdout().includes("bob is chosen"), known.sent]).toEqual([
      0,
      true,
      [`GET ${jobs}/train`, "POST /homie/v1/placements"],
    ]);
    const nobody = await run(apiOf([], { "POST /homie/v1/placements": { json: {} } }), { dryRun: "peers" });
    expect(nobody.code).toBe(126);
  });

  test("a job that nobody will ever take is cancelled with the reasons and exit code 126", async () => {
    const placement = { rejected: [{ peer: "eve\u001B[31m", reason: "NoGpu", need: "1", free: "0" }] };
    const hopeless = aJob({ phase: "Pending", reason: "Unschedulable", message: "no peer", placement });
    const { code, terminal, sent } = await run(apiOf([hopeless]));
    expect([code, sent.at(-1)]).toEqual([126, `POST ${jobs}/train/cancel`]);
    expect(terminal.stderr()).toContain("error: no peer would take job/train\n");
    expect(terminal.stderr()).toMatch(/eve +NoGpu +1 +0/);
    expect(terminal.stderr()).not.toContain("\u001B");
  });

  test("a job that waits for its turn is waited for", async () => {
    const queued = aJob({ phase: "Pending", reason: "Queued", message: "waiting for free cpu" });
    const { code, sent } = await run(apiOf([queued, running, finished({ phase: "Succeeded" })]));
    expect([code, sent.includes(`POST ${jobs}/train/cancel`)]).toEqual([0, false]);
  });

  test("a log that cannot be read does not change how the job ended", async () => {
    const log = { [`GET ${jobs}/train/log`]: { code: 500, json: { kind: "Status", message: "no log", code: 500 } } };
    const { code, terminal } = await run(apiOf([finished({ phase: "Succeeded", exitCode: 0 })], log));
    expect([code, terminal.stderr().includes("error: no log")]).toEqual([0, true]);
  });

  test("what the API finds wrong is said in the words of the command line", async () => {
    const invalid = { code: 422, json: { kind: "Status", reason: "Invalid", message: "1 problem", code: 422 } };
    const { code, terminal } = await run(apiOf([], { "POST /homie/v1/apply": invalid }), { cpu: "lots" });
    expect([code, terminal.stderr().startsWith('error: --cpu: "lots" is not')]).toEqual([2, true]);
  });

  test("a name that is taken is left alone", async () => {
    const { code, terminal, sent } = await run(apiOf([], { [`GET ${jobs}/train`]: { json: running } }));
    expect([code, sent.length]).toEqual([1, 1]);
    expect(terminal.stderr()).toContain("job/train is there already");
  });
});

describe("what travels by default", () => {
  const projectOf = async (
    directory: string,
    file: string,
    options: RunOptions = {},
    env: Record<string, string> = {},
  ): Promise<string> => {
    const transport = apiOf([]);
    const terminal = fakeTerminal({ directory, env });
    await finish(terminal, runRun(fakeContext(terminal, transport), [file], { dryRun: true, ...options }, undefined));
    const survey = transport.sent.find(({ path }) => path === "/homie/v1/surveys");
    if (survey === undefined) return terminal.stderr();
    return (JSON.parse(survey.body ?? "{}") as { sources: { projectPath?: string } }).sources.projectPath ?? "nothing";
  };

  test("is the directory one is in, if the script lies there, by whatever path", async () => {
    const directory = makeDirectory();
    mkdirSync(join(directory, "sub"));
    symlinkSync(directory, join(directory, "sub", "back"));
    expect(await projectOf(directory, "train.py")).toBe(directory);
    expect(await projectOf(join(directory, "sub"), "../train.py")).toBe("nothing");
    expect(await projectOf(join(directory, "sub", "back"), "train.py")).toBe(directory);
    expect(await projectOf(directory, "sub/back/train.py")).toBe(directory);
    expect(await projectOf(directory, "train.py", { project: false })).toBe("nothing");
    expect(await projectOf(join(directory, "sub"), "../train.py", { project: ".." })).toBe(directory);
  });

  test("is never the home directory, the root or homie's own", async () => {
    const directory = makeDirectory();
    expect(await projectOf(directory, "train.py", {}, { HOME: directory })).toMatch(
      /is your home directory.*\n.*--no-p/,
    );
    expect(await projectOf(directory, "train.py", { project: false }, { HOME: directory })).toBe("nothing");
    expect(await projectOf(directory, "train.py", { project: "/" })).toContain("is the root of the file system");
    const terminal = fakeTerminal({ directory });
    const context = { ...fakeContext(terminal, apiOf([])), home: directory };
    expect(await finish(terminal, runRun(context, ["train.py"], {}, undefined))).toBe(2);
    expect(terminal.stderr()).toContain("is homie's own directory");
  });

  test.each(["nope.py", "sub"])("the script %s is refused", async (file) => {
    const directory = makeDirectory();
    mkdirSync(join(directory, "sub"));
    expect(await projectOf(directory, file)).toMatch(/^error: (there is no file nope\.py|sub is not a file)\n/);
  });
});
