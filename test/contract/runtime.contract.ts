import { randomBytes } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HomePaths } from "../../src/adapters/home.ts";
import type { Runtime, RuntimeFacts } from "../../src/controllers/attempt/ports.ts";
import type { Attempt, AttemptSpec } from "../../src/resources/attempt.ts";
import { makeAttempt, shell } from "./attempt-fixture.ts";
import type { CapturedLog } from "./observe.ts";
import { readLog, readTree, until } from "./observe.ts";
import { promisedMs } from "../support/promised.ts";

/** One home and the runtimes a daemon of it would have, one after the other. */
export interface RuntimeBed {
  readonly paths: HomePaths;
  /** A directory for the test's own files; not below the home. */
  readonly scratch: string;
  /** What every attempt of this bed needs: `runtime` and, for containers, an image with a POSIX shell. */
  readonly spec: Partial<AttemptSpec>;
  /** A new instance over the same world, as after a restart of the daemon. */
  open(): Promise<OpenRuntime>;
  /** Removes everything the bed made. */
  close(): Promise<void>;
}
export interface OpenRuntime {
  readonly runtime: Runtime;
  /** Lets go the way a daemon that ends does: programs run on. */
  close(): Promise<void>;
}

type Exited = Extract<RuntimeFacts, { phase: "exited" }>;

/** What `Runtime` promises, whatever stands behind it. */
export function describeRuntime(name: string, makeBed: () => Promise<RuntimeBed>): void {
  describe(`a runtime: ${name}`, () => {
    let bed: RuntimeBed;
    let opened: OpenRuntime[];
    let runtime: Runtime;
    const signal = (): AbortSignal => AbortSignal.timeout(60_000);
    const attemptOf = (more: Partial<AttemptSpec>): Attempt => makeAttempt({ ...bed.spec, ...more });

    async function open(): Promise<Runtime> {
      const one = await bed.open();
      opened.push(one);
      return one.runtime;
    }
    /** The daemon ends, and another comes up. */
    async function restart(): Promise<Runtime> {
      await opened.pop()?.close();
      return open();
    }
    async function begin(attempt: Attempt): Promise<void> {
      const image = await runtime.prepareImage(attempt, signal());
      expect(image).toMatchObject({ ok: true });
      await runtime.stage(attempt, signal());
      await runtime.start(attempt);
    }
    async function untilExited(attempt: Attempt, on: Runtime = runtime): Promise<Exited> {
      let facts = await on.inspect(attempt);
      await until(
        async () => (facts = await on.inspect(attempt)).phase === "exited",
        () => `it is ${facts.phase}`,
      );
      return facts as Exited;
    }
    async function untilCaptured(attempt: Attempt, on: Runtime = runtime): Promise<CapturedLog> {
      await until(
        () => on.capture(attempt).phase === "complete",
        () => `the capture is ${on.capture(attempt).phase}`,
      );
      return readLog(bed.paths, attempt);
    }
    async function untilPrinted(attempt: Attempt, bytes: number): Promise<void> {
      await until(
        () => runtime.capture(attempt).stdoutBytes >= bytes,
        () => `${runtime.capture(attempt).stdoutBytes} bytes came`,
      );
    }
    /** Puts files into a project directory and returns the sources that name it. */
    async function project(files: Readonly<Record<string, string | Buffer>>): Promise<AttemptSpec["sources"]> {
      const root = join(bed.scratch, randomBytes(4).toString("hex"));
      for (const [path, content] of Object.entries(files)) {
        await mkdir(join(root, path, ".."), { recursive: true });
        await writeFile(join(root, path), content);
        if (path.endsWith(".sh")) await chmod(join(root, path), 0o755);
      }
      return { projectPath: root, exclude: [], files: [] };
    }

    beforeEach(async () => {
      bed = await makeBed();
      opened = [];
      runtime = await open();
    });
    afterEach(async () => {
      for (const one of opened) await one.close();
      await bed.close();
    });

    it("is healthy and says what it is", async () => {
      expect(await runtime.health()).toMatchObject({ ok: true });
    });

    it("takes a program from absent over created to exited and keeps its exit code", async () => {
      const attempt = attemptOf({ argv: shell("echo out; echo err >&2; exit 7") });
      expect(await runtime.inspect(attempt)).toEqual({ phase: "absent" });
      await runtime.prepareImage(attempt, signal());
      const { containerId } = await runtime.stage(attempt, signal());
      expect(await runtime.inspect(attempt)).toEqual({
        phase: "created",
        containerId,
        specSha256: attempt.spec.specSha256,
      });
      await runtime.start(attempt);
      const facts = await untilExited(attempt);
      expect(facts).toMatchObject({ containerId, specSha256: attempt.spec.specSha256, exitCode: 7, oomKilled: false });
      expect(facts.startError).toBeUndefined();
      for (const time of [facts.startedAt, facts.finishedAt])
        expect(time).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const log = await untilCaptured(attempt);
      expect(log).toMatchObject({
        stdout: Buffer.from("out\n"),
        stderr: Buffer.from("err\n"),
        remarks: [],
        isComplete: true,
      });
      expect(runtime.capture(attempt)).toEqual({ phase: "complete", stdoutBytes: 4, stderrBytes: 4, droppedBytes: 0 });
    });

    it("keeps both output streams byte for byte and apart", async () => {
      const [first, second] = [randomBytes(1024 * 1024), randomBytes(1024 * 1024 + 7)];
      const attempt = attemptOf({
        sources: await project({ "first.bin": first, "second.bin": second }),
        argv: shell("cat first.bin & cat second.bin >&2; wait"),
      });
      await begin(attempt);
      const log = await untilCaptured(attempt);
      expect(log.stdout.equals(first)).toBe(true);
      expect(log.stderr.equals(second)).toBe(true);
    });

    it("runs in the work directory or below it, with the Job's environment", async () => {
      const attempt = attemptOf({
        sources: await project({ "sub/here.txt": "here", "go.sh": "#!/bin/sh\nexec cat here.txt" }),
        workingDir: "sub",
        env: [{ name: "COLOUR", value: "a b=c" }],
        argv: shell('../go.sh; printf " %s %s %s" "$COLOUR" "$HOMIE_JOB" "$HOMIE_ATTEMPT"'),
      });
      await begin(attempt);
      expect((await untilCaptured(attempt)).stdout.toString()).toBe("here a b=c contract 1");
    });

    it("passes arguments as they are, without a shell", async () => {
      const attempt = attemptOf({ argv: ["/bin/sh", "-c", 'printf "%s|" "$@"', "x", "$HOME", "a b", "`id`", ""] });
      await begin(attempt);
      expect((await untilCaptured(attempt)).stdout.toString()).toBe("$HOME|a b|`id`||");
    });

    it("starts a program once, however often it is staged and started", async () => {
      const attempt = attemptOf({ argv: shell("echo started >> starts; exit 4") });
      await runtime.prepareImage(attempt, signal());
      const stages = await Promise.all([runtime.stage(attempt, signal()), runtime.stage(attempt, signal())]);
      expect(stages[0]).toEqual(stages[1]);
      await Promise.all([runtime.start(attempt), runtime.start(attempt), runtime.start(attempt)]);
      await untilExited(attempt);
      await runtime.start(attempt);
      expect(await runtime.stage(attempt, signal())).toEqual(stages[0]);
      await (await restart()).start(attempt);
      expect((await untilExited(attempt, opened.at(-1)?.runtime)).exitCode).toBe(4);
      expect(await readTree(opened.at(-1)?.runtime ?? runtime, attempt)).toMatchObject({ starts: "started\n" });
    });

    it("leaves a running program alone when it is staged again", async () => {
      const attempt = attemptOf({ argv: shell("echo ready; sleep 60") });
      await begin(attempt);
      await untilPrinted(attempt, 6);
      const before = await runtime.inspect(attempt);
      await runtime.stage(attempt, signal());
      expect(await runtime.inspect(attempt)).toEqual(before);
      expect(before.phase).toBe("running");
    });

    it("stages again after a source could not be read", async () => {
      const sources = await project({ "data.txt": "data" });
      const attempt = attemptOf({ sources: { ...sources, projectPath: join(bed.scratch, "missing") } });
      await runtime.prepareImage(attempt, signal());
      await expect(runtime.stage(attempt, signal())).rejects.toMatchObject({ code: "SourceUnreadable" });
      const mended: Attempt = { ...attempt, spec: { ...attempt.spec, sources, argv: shell("cat data.txt") } };
      await begin(mended);
      expect((await untilCaptured(mended)).stdout.toString()).toBe("data");
    });

    it("asks a program to end and lets it", async () => {
      const attempt = attemptOf({
        argv: shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"),
      });
      await begin(attempt);
      await untilPrinted(attempt, 6);
      await runtime.stop(attempt, 30);
      expect((await untilExited(attempt)).exitCode).toBe(3);
      expect((await untilCaptured(attempt)).stdout.toString()).toBe("ready\nbye\n");
    });

    it("kills a program that does not want to end", async () => {
      const attempt = attemptOf({ argv: shell("trap '' TERM; echo ready; while :; do sleep 0.05; done") });
      await begin(attempt);
      await untilPrinted(attempt, 6);
      const askedAt = performance.now();
      await runtime.stop(attempt, 3);
      expect(performance.now() - askedAt).toBeLessThan(promisedMs(900));
      const facts = await untilExited(attempt);
      expect(facts.signal ?? facts.exitCode).toBe(facts.signal === undefined ? 137 : "SIGKILL");
      await runtime.stop(attempt, 1);
    });

    it("says that a program could not be started", async () => {
      const attempt = attemptOf({ argv: ["/no/such/program"] });
      await begin(attempt);
      const facts = await untilExited(attempt);
      expect(facts.startError).toContain("/no/such/program");
      expect([126, 127]).toContain(facts.exitCode);
      expect(await untilCaptured(attempt)).toMatchObject({ isComplete: true });
      await runtime.start(attempt);
      expect(await runtime.inspect(attempt)).toEqual(facts);
    });

    it("hands out what lies in the work directory, and only regular files have content", async () => {
      const attempt = attemptOf({
        sources: await project({ "given.txt": "given" }),
        argv: shell(
          "mkdir -p deep/er && printf made > deep/er/made.txt && printf x > run.me && chmod 755 run.me && " +
            "ln -s /etc/passwd link && ln -s ../.. up && mkfifo pipe && : > empty",
        ),
      });
      await begin(attempt);
      expect((await untilExited(attempt)).exitCode).toBe(0);
      expect(await readTree(runtime, attempt)).toEqual({
        "given.txt": "given",
        "deep/er/made.txt": "made",
        "run.me": "x (executable)",
        empty: "",
        link: "skipped",
        up: "skipped",
        pipe: "skipped",
      });
    });

    it("hands out nothing while the program runs", async () => {
      const attempt = attemptOf({ argv: shell("echo ready; sleep 60") });
      await begin(attempt);
      await untilPrinted(attempt, 6);
      await expect(readTree(runtime, attempt)).rejects.toMatchObject({ code: "OutputRejected" });
    });

    it("removes what it made, twice if asked, and lists the rest", async () => {
      const [gone, kept] = [attemptOf({ argv: shell("sleep 60") }), attemptOf({})];
      await begin(gone);
      await runtime.prepareImage(kept, signal());
      await runtime.stage(kept, signal());
      expect((await runtime.list()).toSorted()).toEqual([gone.metadata.name, kept.metadata.name].toSorted());
      await runtime.remove(gone);
      await runtime.remove(gone);
      expect(await runtime.inspect(gone)).toEqual({ phase: "absent" });
      expect(await runtime.list()).toEqual([kept.metadata.name]);
    });

    it("wakes whoever watches when a program ends", async () => {
      const attempt = attemptOf({ argv: shell("exit 0") });
      const woken: (string | undefined)[] = [];
      using _ = runtime.watch((attemptName) => void woken.push(attemptName));
      await runtime.prepareImage(attempt, signal());
      await runtime.stage(attempt, signal());
      woken.length = 0;
      await runtime.start(attempt);
      await until(
        async () => {
          const seen = woken.includes(attempt.metadata.name) || woken.includes(undefined);
          return seen && (await runtime.inspect(attempt)).phase === "exited";
        },
        () => `woken by ${JSON.stringify(woken)}`,
      );
    });

    it("goes on with the log of a running program after a restart of the daemon", async () => {
      const program = "i=0; while [ $i -lt 60 ]; do echo out $i; printf 'err %s' $i >&2; i=$((i+1)); sleep 0.02; done";
      const attempt = attemptOf({ argv: shell(program) });
      const numbers = Array.from({ length: 60 }, (_, index) => index);
      await begin(attempt);
      await untilPrinted(attempt, 60);
      for (const printed of [150, 250]) {
        runtime = await restart();
        expect(runtime.capture(attempt).phase).toBe("none");
        await runtime.resumeCapture(attempt);
        await untilPrinted(attempt, printed);
      }
      const log = await untilCaptured(attempt);
      expect(log.stdout.toString()).toBe(numbers.map((index) => `out ${index}\n`).join(""));
      expect(log.stderr.toString()).toBe(numbers.map((index) => `err ${index}`).join(""));
      expect(log.remarks).toEqual([]);
      expect((await untilExited(attempt)).exitCode).toBe(0);
    });

    it("completes the log of a program that ended while no daemon was there", async () => {
      const late = randomBytes(300_000);
      const attempt = attemptOf({
        sources: await project({ "late.bin": late }),
        argv: shell("printf early; sleep 0.5; cat late.bin; printf tail >&2; exit 9"),
      });
      await begin(attempt);
      await untilPrinted(attempt, 5);
      runtime = await restart();
      expect((await untilExited(attempt)).exitCode).toBe(9);
      await runtime.resumeCapture(attempt);
      await runtime.resumeCapture(attempt);
      const log = await untilCaptured(attempt);
      expect(log.stdout.equals(Buffer.concat([Buffer.from("early"), late]))).toBe(true);
      expect(log.stderr.toString()).toBe("tail");
      runtime = await restart();
      await runtime.resumeCapture(attempt);
      await untilCaptured(attempt);
      expect(runtime.capture(attempt)).toMatchObject({ phase: "complete", stdoutBytes: 300_005, stderrBytes: 4 });
    });

    // A runtime that cannot limit memory cannot tell; that is said in its README, not skipped here.
  });
}
