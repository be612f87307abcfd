import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, afterAll, describe, expect, it } from "vitest";
import { TestHome } from "../../support/cli.ts";
import { startEngine, testImage, whyNoEngine, type TestEngine } from "../../support/engine.ts";

const reason = await whyNoEngine();
const suite = reason === undefined ? describe : describe.skip;

suite(`faults around a daemon${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let engine: TestEngine;
  const homes: TestHome[] = [];

  beforeAll(async () => {
    engine = await startEngine();
  });
  afterEach(async () => {
    for (const home of homes.splice(0)) await home.close();
  });
  afterAll(async () => {
    await engine?.stop();
  });

  const newHome = (env: NodeJS.ProcessEnv = {}): TestHome => {
    const home = new TestHome({ DOCKER_HOST: engine.host, ...env });
    homes.push(home);
    return home;
  };
  const up = (home: TestHome): Promise<string> => home.ok(["up", "-d", "--name", "alice"]);
  const job = (name: string, script: string): string =>
    `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\nspec:\n  image: ${testImage}\n  resources: {cpu: 0.1, memory: 32Mi}\n  command: [sh, -c, '${script}']\n`;
  const run = async (home: TestHome, name: string, script: string): Promise<void> => {
    await home.ok(["apply", "-f", "-"], job(name, script));
    await home.ok(["wait", `job/${name}`, "--for=phase=Running", "--timeout", "30s"]);
  };
  const field = (home: TestHome, name: string, path: string): Promise<string> =>
    home.ok(["get", "job", name, "-o", `jsonpath={${path}}`]);
  const finish = async (home: TestHome, name: string): Promise<string> => {
    await home.ok(["wait", `job/${name}`, "--for=finished", "--timeout", "60s"]);
    return field(home, name, ".status.phase");
  };
  const node = async (home: TestHome): Promise<string> => String((await home.json(["status"]))["node"]);
  const containers = async (nodeId: string): Promise<readonly { Id: string; Names: string[] }[]> =>
    engine.docker.listContainers({ all: true, filters: { label: [`homie.node=${nodeId}`] } });
  const gone = async (pid: number): Promise<void> => {
    await expect.poll(() => existsSync(`/proc/${pid}/exe`), { timeout: 10_000 }).toBe(false);
  };

  it("F-24: with its state deleted it takes over what runs, and removes what belongs to no job any more", async () => {
    const home = newHome();
    const other = newHome();
    await up(home);
    await up(other);
    await run(other, "theirs", "sleep 100");
    await run(home, "train", "echo begun; sleep 6; echo ended; echo done >out.txt; exit 4");
    await run(home, "edited", "sleep 101");
    await run(home, "undeclared", "sleep 102");
    const nodeId = await node(home);
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
    await expect.poll(async () => (await containers(nodeId)).length, { timeout: 60_000, interval: 500 }).toBe(0);
    // F-15: the other home's program on the same engine was not touched.
    expect(await field(other, "theirs", ".status.phase")).toBe("Running");
    expect((await containers(await node(other))).length).toBe(1);
  });

  it.each([
    ["cut in the middle", (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 5_000))],
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
    const home = newHome();
    await up(home);
    await run(home, "train", "sleep 3; exit 7");
    process.kill(home.pid(), "SIGKILL");
    await gone(home.pid());
    for (const suffix of ["-wal", "-shm"]) rmSync(join(home.home, "state", `homie.db${suffix}`), { force: true });
    damage(join(home.home, "state", "homie.db"));
    await up(home);
    expect(await finish(home, "train")).toBe("Failed");
    expect(await field(home, "train", ".status.exitCode")).toBe("7");
    expect(await field(home, "train", ".status.attempt")).toBe("1");
    expect(readdirSync(join(home.home, "state")).some((name) => name.startsWith("homie.db.corrupt-"))).toBe(true);
  });

  it.each(["run/homie.pid", "run/homie.sock", "run/homie.log"])(
    "F-23: %s full of rubbish or a directory keeps nobody from starting, or is named",
    async (name) => {
      const home = newHome();
      await up(home);
      await home.ok(["down"]);
      const path = join(home.home, name);
      rmSync(path, { force: true });
      writeFileSync(path, Buffer.alloc(1_000, 0xff));
      await up(home);
      await home.ok(["down"]);
      rmSync(path, { force: true });
      mkdirSync(path);
      const answer = await home.run(["up", "-d", "--name", "alice"]);
      if (answer.code !== 0) expect(answer.stderr).toContain(path);
    },
  );

  it("F-08: a container removed, stopped, paused or restarted by hand is told of truthfully", async () => {
    const home = newHome();
    await up(home);
    const container = async (name: string): Promise<import("dockerode").Container> =>
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
    await run(home, "paused", "sleep 2; exit 5");
    await (await container("paused")).pause();
    expect(await field(home, "paused", ".status.phase")).toBe("Running");
    await (await container("paused")).unpause();
    expect([await finish(home, "paused"), await field(home, "paused", ".status.exitCode")]).toEqual(["Failed", "5"]);
  });

  it("F-45: SIGTERM, SIGHUP and SIGINT end it within 10 s while jobs run on, and the next takes them up", async () => {
    const home = newHome();
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

  it("F-22: stopped and continued, it catches up without running anything twice or timing anything out", async () => {
    const home = newHome();
    await up(home);
    await run(home, "short", "sleep 1; exit 3");
    await run(home, "long", "sleep 8; exit 2");
    process.kill(home.pid(), "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    process.kill(home.pid(), "SIGCONT");
    expect(await field(home, "long", ".status.phase")).toBe("Running");
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

  it("F-07, F-48: an engine that goes away, hangs or tells nothing is waited for, and no program is lost", async () => {
    const proxy = await openProxy(engine.socket);
    const home = newHome({ DOCKER_HOST: `unix://${proxy.socket}` });
    try {
      await up(home);
      await run(home, "train", "sleep 3; exit 9");
      proxy.mode = "refuse";
      await home.ok(["apply", "-f", "-"], job("next", "exit 0"));
      await expect.poll(() => field(home, "next", ".status.reason"), { timeout: 15_000 }).toBe("EngineUnavailable");
      proxy.mode = "pass";
      expect([await finish(home, "train"), await field(home, "train", ".status.exitCode")]).toEqual(["Failed", "9"]);
      expect(await finish(home, "next")).toBe("Succeeded");
      await run(home, "hung", "sleep 2; exit 8");
      proxy.mode = "hang";
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      proxy.mode = "pass";
      expect([await finish(home, "hung"), await field(home, "hung", ".status.exitCode")]).toEqual(["Failed", "8"]);
      proxy.mode = "silent events";
      await run(home, "unheard", "sleep 1; exit 7");
      expect([await finish(home, "unheard"), await field(home, "unheard", ".status.exitCode")]).toEqual([
        "Failed",
        "7",
      ]);
      for (const name of ["train", "next", "hung", "unheard"])
        expect(await field(home, name, ".status.attempt")).toBe("1");
    } finally {
      for (const each of homes.splice(0)) await each.close();
      await proxy.close();
    }
  });

  it("F-28: with desired/ renamed away and back, or deleted, no object goes", async () => {
    const home = newHome();
    await up(home);
    await run(home, "train", "sleep 100");
    const uid = await field(home, "train", ".metadata.uid");
    const desired = join(home.home, "desired");
    renameSync(desired, join(home.root, "elsewhere"));
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(await field(home, "train", ".status.phase")).toBe("Running");
    expect((await home.run(["get", "jobs"])).stderr).toContain(desired);
    cpSync(join(home.root, "elsewhere"), desired, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await field(home, "train", ".metadata.uid")).toBe(uid);
    expect(await field(home, "train", ".metadata.generation")).toBe("1");
  });
});

type Mode = "pass" | "refuse" | "hang" | "silent events";
interface Proxy {
  readonly socket: string;
  mode: Mode;
  close(): Promise<void>;
}

/** Stands between the daemon and the engine. Changing the mode to "refuse" or "hang" also cuts what is open. */
async function openProxy(target: string): Promise<Proxy> {
  const socket = `${target}.proxy-${process.pid}`;
  const open = new Set<{ destroy(): void }>();
  let mode: Mode = "pass";
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => client.destroy());
    client.once("close", () => open.delete(client));
    if (mode === "refuse") return void client.destroy();
    if (mode === "hang") return;
    const upstream = connect(target);
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.once("data", (head: Buffer) => {
      const isSilent = mode === "silent events" && / \/(v[\d.]+\/)?events/.test(head.toString("latin1"));
      if (isSilent) return;
      upstream.write(head);
      client.pipe(upstream);
      upstream.pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      for (const each of [...open]) each.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        for (const each of [...open]) each.destroy();
        server.close(() => resolve());
      }),
  };
}
