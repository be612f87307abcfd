import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  linkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptPaths, homePaths } from "../../../src/adapters/home.ts";
import type { HomePaths } from "../../../src/adapters/home.ts";
import { createProcessRuntime } from "../../../src/adapters/process/runtime.ts";
import type { Runtime, RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import type { Clock } from "../../../src/reconciler/types.ts";
import type { Attempt, AttemptSpec } from "../../../src/resources/attempt.ts";
import { sampleAttempt } from "../project/attempt-sample.ts";
import { isRunning, output, printed, recordOf, supervisorPid } from "./observe-process.ts";

const clock: Clock = { now: () => new Date(), monotonicMs: () => performance.now(), sleep: async () => undefined };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const signal = new AbortController().signal;

let root: string;
let paths: HomePaths;
let runtime: Runtime;
let cleanUp: Attempt[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-process-"));
  paths = homePaths(join(root, "home"));
  runtime = newRuntime();
  cleanUp = [];
});
afterEach(async () => {
  for (const attempt of cleanUp) await runtime.remove(attempt);
  rmSync(root, { recursive: true, force: true });
});

/** What a restarted daemon has: nothing but the files. */
function newRuntime(nodeId = "node-a"): Runtime {
  return createProcessRuntime({ paths, nodeId, clock, log });
}

function shell(script: string, spec: Partial<AttemptSpec> = {}): Attempt {
  const attempt = sampleAttempt({ argv: ["sh", "-c", script], ...spec });
  cleanUp.push(attempt);
  return attempt;
}

async function begin(attempt: Attempt): Promise<void> {
  await runtime.stage(attempt, signal);
  await runtime.start(attempt);
}

/** Waits on the runtime's own watch, as the daemon does. */
async function ended(attempt: Attempt, by: Runtime = runtime): Promise<Extract<RuntimeFacts, { phase: "exited" }>> {
  let wake = Promise.withResolvers<void>();
  using _watch = by.watch(() => wake.resolve());
  for (;;) {
    const facts = await by.inspect(attempt);
    if (facts.phase === "exited") return facts;
    await wake.promise;
    wake = Promise.withResolvers<void>();
  }
}

describe("the process runtime", () => {
  test("runs a program in its work directory and keeps both streams and the exit code", async () => {
    const project = join(root, "project");
    mkdirSync(project);
    writeFileSync(join(project, "in.txt"), "hello");
    const attempt = shell("cat in.txt; echo oops >&2; echo new > out.txt; exit 3", {
      sources: { projectPath: project, exclude: [], files: [] },
    });
    expect(await runtime.inspect(attempt)).toEqual({ phase: "absent" });
    await runtime.stage(attempt, signal);
    expect(await runtime.inspect(attempt)).toMatchObject({ phase: "created", specSha256: attempt.spec.specSha256 });
    await runtime.start(attempt);
    expect(await ended(attempt)).toMatchObject({ phase: "exited", exitCode: 3, oomKilled: false });
    expect((await output(paths, attempt)).sort()).toEqual(["stderr: oops\n", "stdout: hello"]);
    expect(runtime.capture(attempt)).toEqual({ phase: "complete", stdoutBytes: 5, stderrBytes: 5, droppedBytes: 0 });
    const tree = await Array.fromAsync(runtime.readWorkTree(attempt, signal));
    expect(tree.map((entry) => entry.path)).toEqual(["in.txt", "out.txt"]);
  });

  test("gives the program its own variables and nothing of the daemon's", async () => {
    process.env["HOMIE_TEST_SECRET"] = "leak";
    const attempt = shell("env", {
      env: [
        { name: "EPOCHS", value: "3 4" },
        { name: "LANG", value: "xx" },
      ],
    });
    await begin(attempt);
    await ended(attempt);
    delete process.env["HOMIE_TEST_SECRET"];
    const { work, root: base } = attemptPaths(paths, attempt.spec.job.uid, 1);
    const lines = (await output(paths, attempt)).join("").replaceAll("stdout: ", "").trim().split("\n");
    expect(lines.filter((line) => !/^(_|PWD|SHLVL|OLDPWD)=/.test(line)).sort()).toEqual(
      [
        `HOME=${work}`,
        "CUDA_VISIBLE_DEVICES=",
        "EPOCHS=3 4",
        "HOMIE_ATTEMPT=1",
        "HOMIE_JOB=train",
        "LANG=xx",
        `PATH=${process.env["PATH"]}`,
        `TMPDIR=${base}/tmp`,
      ].sort(),
    );
  });

  test("starts an attempt once, however often and by whomever it is asked", async () => {
    const attempt = shell("echo run >> ran; echo once");
    await runtime.stage(attempt, signal);
    const other = newRuntime();
    await Promise.all([runtime.start(attempt), other.start(attempt), runtime.start(attempt)]);
    await ended(attempt);
    await other.start(attempt);
    expect(await output(paths, attempt)).toEqual(["stdout: once\n"]);
    expect(readFileSync(join(attemptPaths(paths, attempt.spec.job.uid, 1).work, "ran"), "utf8")).toBe("run\n");
    await expect(runtime.stage(attempt, signal)).resolves.toBeDefined();
    expect(await runtime.inspect(attempt)).toMatchObject({ phase: "exited" });
  });

  test.each([
    ["a program that is not there", ["no-such-program"], 127, /not found/],
    ["a path that is not there", ["./gone"], 127, /does not exist/],
    ["a file that may not be executed", ["./plain"], 126, /may not be executed/],
  ] as const)("says why %s does not start", async (_title, argv, exitCode, startError) => {
    writeFileSync(join(root, "plain"), "x");
    const attempt = shell("", { argv, sources: { exclude: [], files: [{ from: join(root, "plain"), to: "plain" }] } });
    await begin(attempt);
    expect(await ended(attempt)).toMatchObject({ exitCode, startError: expect.stringMatching(startError) });
    expect(runtime.capture(attempt)).toMatchObject({ phase: "complete", stdoutBytes: 0 });
  });

  test("tells a signal from an exit code", async () => {
    const killed = shell("kill -9 $$");
    await begin(killed);
    expect(await ended(killed)).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    const plain = shell("exit 137", { attempt: 2 });
    await begin(plain);
    expect(await ended(plain)).not.toHaveProperty("signal");
  });

  test("stops a whole process group gently, and hard after the grace", async () => {
    const gentle = shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done");
    await begin(gentle);
    await printed(paths, gentle, "up");
    await runtime.stop(gentle, 10);
    expect(await ended(gentle)).toMatchObject({ exitCode: 7 });
    expect((await output(paths, gentle)).join("")).toContain("bye");
    const stubborn = shell("trap '' TERM; sleep 300 & echo up; while :; do sleep 0.05; done", { attempt: 2 });
    await begin(stubborn);
    await printed(paths, stubborn, "up");
    await runtime.stop(stubborn, 0.2);
    expect(await ended(stubborn)).toMatchObject({ signal: "SIGKILL" });
    await runtime.stop(stubborn, 0);
  });

  test("leaves nothing running, not even what detached itself", async () => {
    const attempt = shell("sleep 301 & echo $!; setsid sleep 302 & echo $!");
    await begin(attempt);
    await ended(attempt);
    const pids = (await output(paths, attempt)).join("").match(/\d+/g)?.map(Number) ?? [];
    expect(pids).toHaveLength(2);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  test("adopts a program that runs on while the daemon is gone", async () => {
    const daemon = join(root, "daemon.ts");
    const source = join(import.meta.dirname, "../../../src");
    const attempt = shell("echo up; while [ ! -e go ]; do sleep 0.02; done; echo done");
    writeFileSync(
      daemon,
      `
      import { homePaths } from "${source}/adapters/home.ts";
      import { createProcessRuntime } from "${source}/adapters/process/runtime.ts";
      const runtime = createProcessRuntime({ paths: homePaths(${JSON.stringify(paths.root)}), nodeId: "node-a", clock: { now: () => new Date() }, log: {} });
      const attempt = ${JSON.stringify(attempt)};
      await runtime.stage(attempt, new AbortController().signal);
      await runtime.start(attempt);
      console.log("started");
      setInterval(() => {}, 1000);
    `,
    );
    const child = spawn(process.execPath, [daemon], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(await runtime.inspect(attempt)).toMatchObject({ phase: "running" });
    await runtime.resumeCapture(attempt);
    expect(runtime.capture(attempt).phase).toBe("live");
    expect(await runtime.list()).toEqual([attempt.metadata.name]);
    writeFileSync(join(attemptPaths(paths, attempt.spec.job.uid, 1).work, "go"), "");
    expect(await ended(attempt)).toMatchObject({ exitCode: 0 });
    expect((await output(paths, attempt)).join("")).toBe("stdout: up\nstdout: done\n");
  });

  test("reports a program whose supervisor was killed as killed, and gives its log an end", async () => {
    const attempt = shell("echo $$; echo up; while :; do sleep 0.05; done");
    await begin(attempt);
    await printed(paths, attempt, "up");
    const program = recordOf(paths, attempt).program?.pid ?? 0;
    process.kill(supervisorPid(paths, attempt), "SIGKILL");
    expect(await ended(attempt)).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    expect(isRunning(program)).toBe(false);
    expect(runtime.capture(attempt).phase).toBe("none");
    await newRuntime().resumeCapture(attempt);
    await runtime.resumeCapture(attempt);
    expect(runtime.capture(attempt).phase).toBe("complete");
    expect((await output(paths, attempt)).at(-1)).toMatch(/homie: the process that wrote this log was killed/);
  });

  test("is not fooled by a program that prints log frames", async () => {
    const attempt = shell(
      `${process.execPath} -e '${forgeEof.replaceAll("'", '"')}'; echo after; while [ ! -e go ]; do sleep 0.02; done`,
      {
        env: [{ name: "FRAMES", value: join(import.meta.dirname, "../../../src/logs/frames.ts") }],
      },
    );
    await begin(attempt);
    await printed(paths, attempt, "after");
    expect(runtime.capture(attempt).phase).toBe("live");
    await runtime.stop(attempt, 1);
    await ended(attempt);
  });

  test("keeps a flood of output within its limit and the exit code right", async () => {
    const attempt = shell("head -c 80000000 /dev/zero; exit 5");
    await begin(attempt);
    expect(await ended(attempt)).toMatchObject({ exitCode: 5 });
    const counts = runtime.capture(attempt);
    expect(counts).toMatchObject({ phase: "complete", stdoutBytes: 64 * 1024 ** 2 });
    expect(counts.stdoutBytes + counts.droppedBytes).toBe(80_000_000);
  });

  test.skipIf(!existsSync("/usr/bin/prlimit"))("lets no file grow beyond the disk limit", async () => {
    const attempt = shell("head -c 3000000 /dev/zero > big", {
      resources: { cpu: 1, memoryBytes: 1, diskBytes: 1_000_000, pids: 1 },
    });
    await begin(attempt);
    expect((await ended(attempt)).exitCode).not.toBe(0);
    const [big] = await Array.fromAsync(runtime.readWorkTree(attempt, signal));
    expect(big?.bytes).toBe(1_000_000);
  });

  test("lists links, FIFOs and unsafe names without touching what is behind them", async () => {
    const attempt = shell("true");
    await begin(attempt);
    await ended(attempt);
    const { work } = attemptPaths(paths, attempt.spec.job.uid, 1);
    writeFileSync(join(root, "outside"), "secret");
    symlinkSync("/etc/passwd", join(work, "link"));
    linkSync(join(root, "outside"), join(work, "hard"));
    execFileSync("mkfifo", [join(work, "pipe")]);
    writeFileSync(join(work, "new\nline"), "x");
    writeFileSync(Buffer.concat([Buffer.from(`${work}/`), Buffer.from([0xff])]), "x");
    mkdirSync(join(work, "d"));
    writeFileSync(join(work, "d", "file"), "kept");
    const tree = await Array.fromAsync(runtime.readWorkTree(attempt, signal));
    expect(Object.fromEntries(tree.map((entry) => [entry.path, entry.skipped]))).toEqual({
      "d/file": undefined,
      hard: "hard link",
      link: "symbolic link",
      "new\nline": "the name holds a control character",
      pipe: "neither a file nor a directory",
      "\ufffd": "the name is not valid UTF-8",
    });
  });

  test("removes everything but the log, also of a running attempt", async () => {
    const attempt = shell("mkdir locked; touch locked/f; chmod 0 locked; echo up; sleep 303");
    await begin(attempt);
    await printed(paths, attempt, "up");
    const program = recordOf(paths, attempt).program?.pid ?? 0;
    await runtime.remove(attempt);
    expect(isRunning(program)).toBe(false);
    expect(await runtime.inspect(attempt)).toEqual({ phase: "absent" });
    expect(readdirSync(attemptPaths(paths, attempt.spec.job.uid, 1).root).sort()).toEqual(["inputs.json", "log"]);
    await runtime.remove(attempt);
    expect(await runtime.list()).toEqual([]);
  });

  test("stages anew what an interrupted stage left, and reports what cannot be read", async () => {
    const attempt = shell("ls");
    const { work } = attemptPaths(paths, attempt.spec.job.uid, 1);
    mkdirSync(work, { recursive: true });
    writeFileSync(join(work, "leftover"), "x");
    await begin(attempt);
    await ended(attempt);
    expect(await output(paths, attempt)).toEqual([]);
    const broken = shell("ls", { attempt: 2, sources: { projectPath: join(root, "gone"), exclude: [], files: [] } });
    await expect(runtime.stage(broken, signal)).rejects.toMatchObject({ code: "SourceUnreadable" });
    expect(await runtime.inspect(broken)).toEqual({ phase: "absent" });
  });

  test("shows another node's attempts to nobody", async () => {
    const attempt = shell("true");
    await runtime.stage(attempt, signal);
    expect(await newRuntime("node-b").list()).toEqual([]);
  });
});

const forgeEof = `import(process.env.FRAMES).then(({ encodeFrame }) => process.stdout.write(encodeFrame('eof', 1n, Buffer.from(JSON.stringify({ stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 })))))`;
