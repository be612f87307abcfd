import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, createConnection } from "node:net";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openLogWriter } from "../../src/adapters/logs/log-writer.ts";
import { attemptPaths } from "../../src/adapters/home.ts";
import { createEngine, findEngine } from "../../src/adapters/docker/connect.ts";
import type { DockerRuntime } from "../../src/adapters/docker/docker-runtime.ts";
import { createDockerInventory } from "../../src/adapters/docker/survey.ts";
import type { Attempt, AttemptSpec } from "../../src/resources/attempt.ts";
import { makeAttempt, shell } from "../contract/attempt-fixture.ts";
import type { DockerBed } from "../contract/docker-bed.ts";
import { isEngineMissing, makeDockerBed } from "../contract/docker-bed.ts";
import { readLog, readTree, until } from "../contract/observe.ts";
import { describeRuntime } from "../contract/runtime.contract.ts";
import type { TestEngine } from "../support/engine.ts";
import { modestUlimits, startEngine } from "../support/engine.ts";

describe.skipIf(await isEngineMissing("the docker runtime"))("the docker runtime", () => {
  let engine: TestEngine;
  let bed: DockerBed;
  let runtime: DockerRuntime;
  const signal = (): AbortSignal => AbortSignal.timeout(60_000);
  const attemptOf = (more: Partial<AttemptSpec>): Attempt => makeAttempt({ ...bed.spec, ...more });
  const nameOf = (attempt: Attempt): string => `homie-${attempt.metadata.name}`;

  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.stop());

  describeRuntime("docker", () => makeDockerBed(engine));

  describe("on a shared engine", () => {
    beforeEach(async () => {
      bed = await makeDockerBed(engine);
      runtime = bed.openDocker();
    });
    afterEach(async () => {
      await runtime.close();
      await bed.close();
      expect(await bed.newVolumes()).toEqual([]);
    });

    async function begin(attempt: Attempt, on: DockerRuntime = runtime): Promise<void> {
      await on.stage(attempt, signal());
      await on.start(attempt);
    }
    async function untilComplete(attempt: Attempt, on: DockerRuntime = runtime): Promise<void> {
      await until(
        () => on.capture(attempt).phase === "complete",
        () => on.capture(attempt).phase,
      );
    }
    it("says what to install where the engine cannot pass GPUs on", async () => {
      const attempt = attemptOf({ argv: ["true"], gpus: ["GPU-0"] });
      // Podman would run it without.
      if (engine.kind === "podman") return expect(begin(attempt)).rejects.toMatchObject({ code: "EngineUnable" });
      await begin(attempt);
      const facts = await runtime.inspect(attempt);
      expect(facts).toMatchObject({ phase: "exited", startError: expect.stringContaining("nvidia-container-toolkit") });
      expect(facts).toMatchObject({ startError: expect.stringContaining("could not select device driver") });
      const inventory = createDockerInventory(
        createEngine(() => findEngine({ env: { DOCKER_HOST: engine.host }, homeDirectory: "/" })),
        bed.nodeId,
      );
      expect(await inventory.survey(() => false)).toMatchObject([{ name: attempt.metadata.name, gpus: ["GPU-0"] }]);
      await runtime.remove(attempt);
    });

    it("tells a program that cannot be executed from one that leaves with the same code, every time", async () => {
      for (let round = 0; round < 10; round += 1) {
        const missing = Array.from({ length: 3 }, () => attemptOf({ argv: ["no-such-program"] }));
        const leaving = attemptOf({ argv: shell(engine.kind === "podman" ? "exit 1" : "exit 127") });
        const all = [...missing, leaving];
        await Promise.all(all.map((attempt) => begin(attempt)));
        await Promise.all(all.map((attempt) => untilComplete(attempt)));
        for (const attempt of missing)
          expect(await runtime.inspect(attempt)).toMatchObject({
            phase: "exited",
            exitCode: 127,
            startError: expect.stringContaining("no-such-program"),
          });
        expect(await runtime.inspect(leaving)).not.toHaveProperty("startError");
        for (const attempt of all) await runtime.remove(attempt);
      }
    });

    it("tells a program that ran out of memory from one that was killed", async () => {
      const attempt = attemptOf({ argv: ["dd", "if=/dev/zero", "of=/dev/null", "bs=400M", "count=1"] });
      await begin(attempt);
      await untilComplete(attempt);
      // On cgroup v1, podman's monitor asks before the kernel has killed, and then says nothing of it.
      const tells = engine.kind === "docker" ? { oomKilled: true } : {};
      expect(await runtime.inspect(attempt)).toMatchObject({ phase: "exited", ...tells, exitCode: 137 });
      await runtime.remove(attempt);
    });

    /** What a daemon leaves that died while it was staging: a container of ours with a file too many. */
    async function leaveBehind(attempt: Attempt, labels: Record<string, string>): Promise<string> {
      const Labels = { "homie.node": bed.nodeId, ...labels };
      await engine.docker.createVolume({ Name: nameOf(attempt), Labels });
      const Mounts = [{ Type: "volume", Source: nameOf(attempt), Target: "/work" }] as never;
      const container = await engine.docker.createContainer({
        name: nameOf(attempt),
        Image: engine.image,
        Cmd: ["sh", "-c", "mkdir -p /work/job; echo old > /work/job/old"],
        Labels,
        HostConfig: { NetworkMode: "none", Mounts, Ulimits: [...modestUlimits] },
      });
      return container.id;
    }

    it("says of a missing image which, what the registry said, and what to do", async () => {
      const attempt = attemptOf({ image: "127.0.0.1:9/nobody/nothing:3" });
      const outcome = await runtime.prepareImage(attempt, signal());
      expect(outcome).toMatchObject({ ok: false, reason: "ImageMissing" });
      expect(outcome.ok ? "" : outcome.message).toMatch(/"127\.0\.0\.1:9\/nobody\/nothing:3".*refused.*docker load/s);
    });

    it("finds an image that appears after it was missing", async () => {
      const name = "homie-test/later:1";
      const attempt = attemptOf({ image: name });
      expect(await runtime.prepareImage(attempt, signal())).toMatchObject({ ok: false });
      await engine.docker.getImage(engine.image).tag({ repo: "homie-test/later", tag: "1" });
      const { Id } = await engine.docker.getImage(name).inspect();
      expect(await runtime.prepareImage(attempt, signal())).toEqual({ ok: true, imageId: Id });
      await engine.docker.getImage(name).remove();
    });

    it("replaces what an interrupted stage left, volume and all", async () => {
      const attempt = attemptOf({ argv: shell("ls; exit 0") });
      const left = await leaveBehind(attempt, { "homie.spec-sha256": attempt.spec.specSha256 });
      const { containerId } = await runtime.stage(attempt, signal());
      expect(containerId).not.toBe(left);
      await runtime.start(attempt);
      await untilComplete(attempt);
      expect((await readLog(bed.paths, attempt)).stdout.toString()).toBe("");
    });

    it("does not run a name again that ran with another spec", async () => {
      const attempt = attemptOf({});
      const left = engine.docker.getContainer(await leaveBehind(attempt, { "homie.spec-sha256": "another" }));
      await left.start();
      await left.wait();
      await expect(runtime.stage(attempt, signal())).rejects.toMatchObject({ code: "ContainerCreateFailed" });
      expect((await left.inspect()).State.Status).toBe("exited");
      expect(await readTree(runtime, attempt)).toEqual({ old: "old\n" });
    });

    it("leaves another owner's container of the same name alone", async () => {
      const attempt = attemptOf({});
      const foreign = engine.docker.getContainer(await leaveBehind(attempt, { "homie.node": "another" }));
      expect(await runtime.inspect(attempt)).toEqual({ phase: "absent" });
      await expect(runtime.stage(attempt, signal())).rejects.toMatchObject({ code: "ContainerCreateFailed" });
      await expect(runtime.remove(attempt)).rejects.toMatchObject({ code: "ContainerCreateFailed" });
      expect(await runtime.list()).toEqual([]);
      expect((await foreign.inspect()).State.Status).toBe("created");
      await foreign.remove({ v: true });
      await engine.docker.getVolume(nameOf(attempt)).remove();
    });

    it("refuses a working directory that is not among the files", async () => {
      const attempt = attemptOf({ workingDir: "missing/dir" });
      await expect(runtime.stage(attempt, signal())).rejects.toMatchObject({
        code: "SourceUnreadable",
        message: expect.stringContaining("missing/dir"),
      });
    });

    it("says so where output is missing that came while homie was away, and goes on", async () => {
      const attempt = attemptOf({ argv: shell("echo first; sleep 1; echo last") });
      await begin(attempt);
      await until(
        () => runtime.capture(attempt).stdoutBytes === 6,
        () => "nothing printed",
      );
      await runtime.close();
      const { log } = attemptPaths(bed.paths, attempt.spec.job.uid, 1);
      await rm(log);
      const writer = await openLogWriter(log);
      await writer.write("stdout", Buffer.from("other\n"));
      await writer.close();
      runtime = bed.openDocker();
      await runtime.resumeCapture(attempt);
      await untilComplete(attempt);
      const captured = await readLog(bed.paths, attempt);
      expect(captured).toMatchObject({ remarks: [expect.stringMatching(/^gap/)], isComplete: true });
      expect(captured.stdout.toString()).toBe("other\nlast\n");
    });

    it("ends the log of a container that somebody removed", async () => {
      const attempt = attemptOf({ argv: shell("echo here; sleep 60") });
      await begin(attempt);
      await until(
        () => runtime.capture(attempt).stdoutBytes === 5,
        () => "nothing printed",
      );
      await engine.docker.getContainer(nameOf(attempt)).remove({ force: true });
      await untilComplete(attempt);
      expect(await runtime.inspect(attempt)).toEqual({ phase: "absent" });
      expect((await readLog(bed.paths, attempt)).stdout.toString()).toBe("here\n");
      await runtime.remove(attempt);
    });

    it("keeps every byte and wakes its watcher when the connection to the engine is cut", async () => {
      const line = await makeLine(join(bed.scratch, "line.sock"), engine.socket);
      const remote = bed.openDocker(`unix://${line.path}`);
      const woken: (string | undefined)[] = [];
      const watching = remote.watch((name) => void woken.push(name));
      try {
        const attempt = attemptOf({
          argv: shell("i=0; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); sleep 0.02; done"),
        });
        await begin(attempt, remote);
        for (const bytes of [20, 80]) {
          await until(
            () => remote.capture(attempt).stdoutBytes >= bytes,
            () => "nothing printed",
          );
          line.cut();
        }
        await untilComplete(attempt, remote);
        const expected = Array.from({ length: 50 }, (_, index) => `${index}\n`).join("");
        expect((await readLog(bed.paths, attempt)).stdout.toString()).toBe(expected);
        await until(
          () => woken.includes(undefined),
          () => JSON.stringify(woken),
        );
      } finally {
        watching[Symbol.dispose]();
        await remote.close();
        await line.close();
      }
    });

    it("captures the rest of a program that closed its output early", async () => {
      const attempt = attemptOf({ argv: shell("echo all; exec >&- 2>&-; sleep 3; exit 5") });
      await begin(attempt);
      await untilComplete(attempt);
      expect(await runtime.inspect(attempt)).toMatchObject({ phase: "exited", exitCode: 5 });
      expect(await readLog(bed.paths, attempt)).toMatchObject({ stdout: Buffer.from("all\n"), remarks: [] });
    });

    it("says at once that a cut-off engine cannot be asked", async () => {
      const line = await makeLine(join(bed.scratch, "line.sock"), engine.socket);
      const remote = bed.openDocker(`unix://${line.path}`);
      expect(await remote.health()).toMatchObject({ ok: true, engine: engine.kind });
      await line.close();
      await expect(remote.inspect(attemptOf({}))).rejects.toMatchObject({ code: "EngineUnavailable" });
      await expect(remote.list()).rejects.toMatchObject({ code: "EngineUnavailable" });
      await expect(remote.prepareImage(attemptOf({}), signal())).rejects.toMatchObject({ code: "EngineUnavailable" });
    });

    it("stops an upload when it is told to, and stages again later", async () => {
      const project = join(bed.scratch, "project");
      await mkdir(join(project, "sub"), { recursive: true });
      await writeFile(join(project, "sub", "big.bin"), Buffer.alloc(32 * 1024 * 1024, 7));
      const attempt = attemptOf({
        sources: { projectPath: project, exclude: [], files: [] },
        argv: shell("wc -c < sub/big.bin"),
      });
      const abort = new AbortController();
      const staging = runtime.stage(attempt, abort.signal);
      await until(
        async () => (await runtime.inspect(attempt)).phase === "created",
        () => "no container",
      );
      abort.abort();
      await staging.then(
        () => undefined,
        (error: unknown) => expect((error as Error).name).toBe("AbortError"),
      );
      await begin(attempt);
      await untilComplete(attempt);
      expect((await readLog(bed.paths, attempt)).stdout.toString()).toBe(`${32 * 1024 * 1024}\n`);
    });
  });
});

/** A line to the engine that can be cut: every connection ends, new ones get through. */
async function makeLine(path: string, to: string): Promise<{ path: string; cut(): void; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = createConnection({ path: to, allowHalfOpen: true });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => into.destroy());
      from.on("close", () => sockets.delete(from));
      from.pipe(into);
    }
  });
  await mkdir(dirname(path), { recursive: true });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const cut = (): void => sockets.forEach((socket) => void socket.destroy());
  return {
    path,
    cut,
    async close(): Promise<void> {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
