import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type Docker from "dockerode";
import { afterEach, beforeAll, afterAll, describe, expect, it } from "vitest";
import { startEngine, whyNoEngine, type TestEngine } from "../../support/engine.ts";
import { Bed, field, finish, gone, job, nodeOf, run, up } from "./bed.ts";
import { promisedMs } from "../../support/promised.ts";

const reason = await whyNoEngine();
const suite = reason === undefined ? describe : describe.skip;

suite(`faults around a daemon${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let engine: TestEngine;
  let bed: Bed;

  beforeAll(async () => {
    engine = await startEngine();
    bed = new Bed(engine);
  });
  afterEach(async () => {
    await bed.closeHomes();
  });
  afterAll(async () => {
    await engine?.stop();
  });

  it("F-24: with its state deleted it takes over what runs, and removes what belongs to no job any more", async () => {
    const home = bed.newHome();
    const other = bed.newHome();
    await up(home);
    await up(other);
    await run(other, "theirs", "sleep 100");
    await run(home, "train", "echo begun; sleep 6; echo ended; echo done >out.txt; exit 4");
    await run(home, "edited", "sleep 101");
    await run(home, "undeclared", "sleep 102");
    const nodeId = await nodeOf(home);
    const uid = await field(home, "train", ".metadata.uid");
    process.kill(home.pid(), "SIGKILL");
    rmSync(join(home.home, "state"), { recursive: true });
    rmSync(join(home.home, "desired", "jobs", "undeclared.yaml"));
    const edited = join(home.home, "desired", "jobs", "edited.yaml");
    writeFileSync(edited, readFileSync(edited, "utf8").replace("sleep 101", "true"));
    await up(home);
    expect(await finish(home, "train")).toBe("Failed");
    expect(await field(home, "train", ".metadata.uid")).toBe(uid);
    expect(await field(home, "train", ".status.exitCode")).toBe("4");
    expect(await field(home, "train", ".status.attempt")).toBe("1");
    expect(await home.ok(["logs", "job/train", "--stdout"])).toBe("begun\nended\n");
    expect(readFileSync(join(home.home, "results", "train", "out.txt"), "utf8")).toBe("done\n");
    expect(await finish(home, "edited")).toBe("Succeeded");
    await expect.poll(async () => (await bed.containers(nodeId)).length, { timeout: 60_000, interval: 500 }).toBe(0);
    // F-15: the other home's program on the same engine was not touched.
    expect(await field(other, "theirs", ".status.phase")).toBe("Running");
    expect((await bed.containers(await nodeOf(other))).length).toBe(1);
  });

  it.each([
    [
      "cut in the middle",
      (path: string) => writeFileSync(path, readFileSync(path).subarray(0, readFileSync(path).length / 2)),
    ],
    [
      "with flipped bits",
      (path: string) =>
        writeFileSync(
          path,
          readFileSync(path).map((byte) => byte ^ 0x55),
        ),
    ],
    ["full of zeros", (path: string) => writeFileSync(path, Buffer.alloc(readFileSync(path).length))],
    ["replaced by a directory", (path: string) => (rmSync(path), mkdirSync(path))],
  ])("F-23: a database %s is set aside, and what runs is taken over", async (_, damage) => {
    const home = bed.newHome();
    await up(home);
    await run(home, "train", "sleep 3; exit 7");
    // A clean stop leaves everything in the one file.
    await home.ok(["down"]);
    damage(join(home.home, "state", "homie.db"));
    await up(home);
    expect(await finish(home, "train")).toBe("Failed");
    expect(await field(home, "train", ".status.exitCode")).toBe("7");
    expect(await field(home, "train", ".status.attempt")).toBe("1");
    expect(readdirSync(join(home.home, "state")).some((name) => name.startsWith("homie.db.corrupt-"))).toBe(true);
  });

  it.each(["run/homie.pid", "run/homie.sock", "run/homie.log"])(
    "F-23: %s full of rubbish, or a directory, keeps nobody from starting, or is told of at once",
    async (name) => {
      const home = bed.newHome();
      await up(home);
      await home.ok(["down"]);
      const path = join(home.home, name);
      for (const damage of [() => writeFileSync(path, Buffer.alloc(1_000, 0xff)), () => mkdirSync(path)]) {
        rmSync(path, { force: true });
        damage();
        const startedMs = performance.now();
        const answer = await home.run(["up", "-d", "--name", "alice"]);
        expect(performance.now() - startedMs).toBeLessThan(promisedMs(5_000));
        if (answer.code === 0) await home.ok(["down"]);
        else expect(answer.stderr).toContain(home.home);
      }
    },
  );

  it("F-08: a container removed, stopped, paused or restarted by hand is told of truthfully", async () => {
    const home = bed.newHome();
    await up(home);
    const container = async (name: string): Promise<Docker.Container> =>
      engine.docker.getContainer(
        `homie-${await field(home, name, ".metadata.uid")}-${await field(home, name, ".status.attempt")}`,
      );
    await home.ok(
      ["apply", "-f", "-"],
      job("removed", "sleep 100").replace("spec:\n", "spec:\n  guarantee: AtMostOnce\n"),
    );
    await home.ok(["wait", "job/removed", "--for=phase=Running", "--timeout", "30s"]);
    await (await container("removed")).remove({ force: true });
    expect([await finish(home, "removed"), await field(home, "removed", ".status.reason")]).toEqual([
      "Failed",
      "ContainerLost",
    ]);
    await run(home, "stopped", "trap : TERM; sleep 100 & wait; exit 0");
    await (await container("stopped")).kill({ signal: "SIGKILL" });
    expect([await finish(home, "stopped"), await field(home, "stopped", ".status.exitCode")]).toEqual([
      "Failed",
      "137",
    ]);
    await run(home, "paused", "sleep 5; exit 5");
    await (await container("paused")).pause();
    expect(await field(home, "paused", ".status.phase")).toBe("Running");
    await (await container("paused")).unpause();
    expect([await finish(home, "paused"), await field(home, "paused", ".status.exitCode")]).toEqual(["Failed", "5"]);
  });

  it("F-45: SIGTERM, SIGHUP and SIGINT end it within 10 s while jobs run on, and the next takes them up", async () => {
    const home = bed.newHome();
    await up(home);
    await run(home, "train", "sleep 12; exit 6");
    for (const signals of [["SIGTERM"], ["SIGHUP"], ["SIGINT", "SIGINT"]] as const) {
      const pid = home.pid();
      for (const signal of signals) process.kill(pid, signal);
      await gone(pid);
      await up(home);
    }
    expect(await finish(home, "train")).toBe("Failed");
    expect([await field(home, "train", ".status.exitCode"), await field(home, "train", ".status.attempt")]).toEqual([
      "6",
      "1",
    ]);
  });

  it("F-22, F-33: stopped and continued, it catches up without running anything twice or timing anything out", async () => {
    const home = bed.newHome();
    await up(home);
    await run(home, "short", "sleep 2; exit 3");
    await run(home, "long", "sleep 15; exit 2");
    process.kill(home.pid(), "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    process.kill(home.pid(), "SIGCONT");
    expect(await field(home, "long", ".status.phase")).toBe("Running");
    // F-33: whoever wonders why nothing happened is told.
    await expect
      .poll(async () => (await home.json(["status"]))["warnings"])
      .toContainEqual(expect.stringContaining("was held up for"));
    for (const [name, code] of [
      ["short", "3"],
      ["long", "2"],
    ] as const) {
      await finish(home, name);
      expect([await field(home, name, ".status.exitCode"), await field(home, name, ".status.attempt")]).toEqual([
        code,
        "1",
      ]);
    }
  });

  it.skipIf(!existsSync("/usr/bin/prlimit"))(
    "F-31: out of file descriptors it sheds, and recovers when there are some again",
    async () => {
      const home = bed.newHome();
      await up(home);
      const pid = String(home.pid());
      const inUse = readdirSync(`/proc/${pid}/fd`).length;
      execFileSync("prlimit", ["--pid", pid, `--nofile=${inUse + 20}:`]);
      await home.ok(["apply", "-f", "-"], job("before", "sleep 1; exit 3"));
      const clients = Array.from({ length: 60 }, () =>
        connect(join(home.home, "run", "homie.sock")).on("error", () => undefined),
      );
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const cpuTicks = (): number =>
        readFileSync(`/proc/${pid}/stat`, "utf8")
          .split(" ")
          .slice(13, 15)
          .map(Number)
          .reduce((a, b) => a + b);
      const before = cpuTicks();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      // 100 ticks a second: less than half a core, so nothing spins.
      expect(cpuTicks() - before).toBeLessThan(100);
      for (const client of clients) client.destroy();
      execFileSync("prlimit", ["--pid", pid, "--nofile=4096:"]);
      expect([await finish(home, "before"), await field(home, "before", ".status.exitCode")]).toEqual(["Failed", "3"]);
      expect(home.pid()).toBe(Number(pid));
    },
  );

  it("F-28: with desired/ renamed away and back, or deleted, no object goes", async () => {
    const home = bed.newHome();
    await up(home);
    await run(home, "train", "sleep 100");
    const uid = await field(home, "train", ".metadata.uid");
    const desired = join(home.home, "desired");
    renameSync(desired, join(home.root, "elsewhere"));
    await expect.poll(async () => (await home.run(["get", "jobs"])).stderr).toContain(desired);
    // Whatever was about to be deleted would be by now.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(await field(home, "train", ".status.phase")).toBe("Running");
    cpSync(join(home.root, "elsewhere"), desired, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await field(home, "train", ".metadata.uid")).toBe(uid);
    expect(await field(home, "train", ".metadata.generation")).toBe("1");
  });
});
