import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stripStatus } from "../../src/resources/splice-status.ts";
import { TestHome } from "../support/cli.ts";
import { startEngine, testImage, whyNoEngine, type TestEngine } from "../support/engine.ts";
import { promisedMs } from "../support/promised.ts";

const reason = await whyNoEngine();
const suite = reason === undefined ? describe : describe.skip;

suite(`one machine on a real engine${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let engine: TestEngine;
  let home: TestHome;

  beforeAll(async () => {
    engine = await startEngine();
    home = new TestHome({ DOCKER_HOST: engine.host });
    await home.ok(["up", "-d", "--name", "alice"]);
  });
  afterAll(async () => {
    await home?.close();
    await engine?.stop();
  });

  const path = (name: string): string => join(home.root, name);
  const fileOf = (name: string): string => join(home.home, "desired", "jobs", `${name}.yaml`);
  const job = (name: string, spec: string): string =>
    `# yaml-language-server: $schema=https://homie.dev/schemas/v1/job.schema.json\napiVersion: homie.dev/v1\nkind: Job\nmetadata:\n  name: ${name}\nspec:\n  image: ${testImage}\n${spec}`;
  const apply = (text: string): Promise<string> => home.ok(["apply", "-f", "-"], text);
  const finish = (name: string, timeout = "60s"): Promise<string> =>
    home.ok(["wait", `job/${name}`, "--for=finished", "--timeout", timeout]);
  const field = (name: string, jsonpath: string): Promise<string> =>
    home.ok(["get", "job", name, "-o", `jsonpath={${jsonpath}}`]);
  const leftovers = async (uid: string): Promise<number> => {
    const containers = await engine.docker.listContainers({ all: true, filters: { label: [`homie.uid=${uid}`] } });
    const volumes = await engine.docker.listVolumes({ filters: { label: [`homie.uid=${uid}`] } });
    return containers.length + (volumes.Volumes ?? []).length;
  };

  it("tells of itself, and refuses a second daemon within a second, naming the first", async () => {
    const status = await home.json(["status"]);
    expect(status).toMatchObject({ name: "alice", ready: true, home: home.home, pid: home.pid() });
    expect(status["engine"]).toMatch(new RegExp(`^${engine.kind} `));
    expect(status["node"]).toMatch(/^[a-z2-7]{25}$/);
    const startedMs = performance.now();
    const second = await home.run(["up"]);
    expect(second.code).toBe(1);
    expect(performance.now() - startedMs).toBeLessThan(promisedMs(3_000));
    expect(second.stderr).toContain(String(home.pid()));
  });

  it("keeps keys, socket and home to their owner", () => {
    const mode = (name: string): number => statSync(join(home.home, name)).mode & 0o777;
    expect(mode("")).toBe(0o700);
    expect(mode("run/homie.sock")).toBe(0o600);
    expect(mode("network/identity.json")).toBe(0o600);
    expect(mode("desired")).toBe(0o700);
  });

  it("runs a script with its project, brings logs and files home, and keeps the file byte for byte", async () => {
    mkdirSync(path("project/data"), { recursive: true });
    writeFileSync(path("project/data/in.txt"), "forty-two\n");
    writeFileSync(
      path("project/run.sh"),
      '#!/bin/sh\necho "args: $*"\necho "seed $SEED" >&2\nmkdir -p out\ncat data/in.txt >out/copy.txt\nprintf \'\\000\\377\\001end\' >out/raw.bin\nexit 3\n',
    );
    const text = [
      "# a comment on top",
      "kind: Job   # kind first",
      "metadata: {name: project, labels: {team: vision}}",
      "",
      "spec:",
      "  script: run.sh",
      "  args: ['one two', \"$HOME\", '--x']",
      "  project: {path: project}",
      `  image: "${testImage}"`,
      "  env:",
      "    - {name: SEED, value: '7'}   # quoted",
      "  outputs:",
      "    - paths: [out/**]",
      "      when: Always",
      "apiVersion: homie.dev/v1",
      "# and one at the end",
      "",
    ].join("\n");
    writeFileSync(path("job.yaml"), text);
    expect(await home.ok(["apply", "-f", path("job.yaml")])).toContain("job/project created");
    await finish("project");
    expect(await field("project", ".status.exitCode")).toBe("3");
    expect(await field("project", ".status.phase")).toBe("Failed");
    expect((await home.run(["logs", "job/project", "--stdout"])).bytes.toString()).toBe("args: one two $HOME --x\n");
    expect((await home.run(["logs", "job/project", "--stderr"])).bytes.toString()).toBe("seed 7\n");
    const results = join(home.home, "results", "project");
    expect(readFileSync(join(results, "out", "copy.txt"), "utf8")).toBe("forty-two\n");
    const raw = readFileSync(join(results, "out", "raw.bin"));
    expect(raw).toEqual(Buffer.from([0, 255, 1, 0x65, 0x6e, 0x64]));
    const { status } = (await home.json(["get", "job", "project"])) as {
      status: { outputs: { path: string; sha256: string }[] };
    };
    const listed = status.outputs.find((output) => output.path === "out/raw.bin");
    expect(listed?.sha256).toBe(createHash("sha256").update(raw).digest("hex"));
    await expect.poll(() => readFileSync(fileOf("project"), "utf8")).toContain("phase: Failed");
    expect(stripStatus(readFileSync(fileOf("project"), "utf8"))).toBe(text);
  });

  it("prints one row a change", async () => {
    const name = `watched-${Date.now()}`;
    const watch = home.start(["get", "jobs", "-w", "--no-headers"]);
    let rows = "";
    watch.stdout?.on("data", (chunk: Buffer) => (rows += chunk.toString()));
    // The Jobs there already are come first: from then on nothing is missed.
    await expect.poll(() => rows).toContain("project");
    await apply(job(name, "  command: [sh, -c, 'sleep 1']\n"));
    await finish(name);
    await expect.poll(() => rows).toMatch(new RegExp(`${name} +Succeeded`));
    watch.kill("SIGINT");
    const phases = rows
      .split("\n")
      .filter((row) => row.startsWith(`${name} `))
      .map((row) => row.split(/\s+/)[1]);
    expect(phases).toEqual(["Pending", "Staging", "Running", "Succeeded"]);
  });

  it("keeps a megabyte of binary output as it was written", async () => {
    await apply(job("binary", "  command: [sh, -c, 'head -c 1000000 /dev/urandom | tee copy.bin; printf end']\n"));
    await finish("binary");
    const { bytes } = await home.run(["logs", "job/binary", "--stdout"]);
    const copy = readFileSync(join(home.home, "results", "binary", "copy.bin"));
    expect(bytes.equals(Buffer.concat([copy, Buffer.from("end")]))).toBe(true);
  });

  it("adopts a running job after kill -9: one start, right exit code, complete logs and files", async () => {
    await apply(
      job(
        "adopted",
        "  command: [sh, -c, 'i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.1; done; echo done >out.txt; exit 5']\n",
      ),
    );
    await home.ok(["wait", "job/adopted", "--for=phase=Running", "--timeout", "30s"]);
    process.kill(home.pid(), "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const startedMs = performance.now();
    await home.ok(["up", "-d", "--name", "alice"]);
    expect(await field("adopted", ".status.phase")).toBe("Running");
    expect(performance.now() - startedMs).toBeLessThan(promisedMs(5_000));
    await finish("adopted");
    expect(await field("adopted", ".status.exitCode")).toBe("5");
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join("");
    expect((await home.run(["logs", "job/adopted", "--stdout"])).stdout).toBe(lines);
    expect(readFileSync(join(home.home, "results", "adopted", "out.txt"), "utf8")).toBe("done\n");
    const uid = await field("adopted", ".metadata.uid");
    const events = await engine.docker.getEvents({
      since: 0,
      until: Math.ceil(Date.now() / 1000),
      filters: { label: [`homie.uid=${uid}`], event: ["start"] },
    });
    let text = "";
    for await (const chunk of events) text += String(chunk);
    expect(text.trim().split("\n").length).toBe(1);
  });

  it("runs a changed job again", async () => {
    await apply(job("again", "  command: [sh, -c, 'echo one >out.txt']\n"));
    await finish("again");
    expect(await apply(job("again", "  command: [sh, -c, 'echo one >out.txt']\n"))).toContain("unchanged");
    expect(await apply(job("again", "  command: [sh, -c, 'echo two >out.txt']\n"))).toContain("configured");
    await home.ok(["wait", "job/again", "--for=jsonpath={.status.observedGeneration}=2", "--timeout", "10s"]);
    await finish("again");
    expect(readFileSync(join(home.home, "results", "again", "out.txt"), "utf8")).toBe("two\n");
    expect(await field("again", ".metadata.generation")).toBe("2");
  });

  it("stops and removes what a job left in the engine when its file is deleted", async () => {
    await apply(job("gone", "  command: [sleep, '300']\n"));
    await home.ok(["wait", "job/gone", "--for=phase=Running", "--timeout", "30s"]);
    const uid = await field("gone", ".metadata.uid");
    expect(await leftovers(uid)).toBe(2);
    rmSync(fileOf("gone"));
    await home.ok(["wait", "job/gone", "--for=delete", "--timeout", "40s"]);
    expect(await leftovers(uid)).toBe(0);
  });

  it("says where a typo is and what was meant, and leaves the running system alone", async () => {
    await apply(job("typo", "  command: [sleep, '300']\n"));
    await home.ok(["wait", "job/typo", "--for=phase=Running", "--timeout", "30s"]);
    const refused = await home.run(["apply", "-f", "-"], job("typo", "  comand: [sleep, '1']\n"));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/stdin:8:3: spec\.comand: .*command/s);
    const good = readFileSync(fileOf("typo"), "utf8");
    writeFileSync(fileOf("typo"), good.replace("command:", "comand:"));
    await expect
      .poll(async () => (await home.run(["get", "jobs"])).stderr)
      .toMatch(/typo\.yaml:8:3: spec\.comand.*command/s);
    expect(await field("typo", ".status.phase")).toBe("Running");
    expect(await field("typo", ".metadata.generation")).toBe("1");
    // Whoever deletes the object means the file, even while it is broken.
    await home.ok(["delete", "job", "typo"]);
    expect(() => statSync(fileOf("typo"))).toThrow();
  });

  it.each([
    ["exit137", "  command: [sh, -c, 'exit 137']\n", "Error", "137"],
    ["oom", "  command: [sh, -c, 'tail /dev/zero']\n  resources: {memory: 32Mi}\n", "OutOfMemory", "137"],
    ["late", "  command: [sh, -c, 'trap : TERM; sleep 300 & wait; wait']\n  timeoutSeconds: 1\n", "Timeout", undefined],
    ["absent", "  command: [no-such-program]\n", "StartFailed", "127"],
    ["required", "  command: ['true']\n  outputs: [{paths: [model.pkl], required: true}]\n", "OutputMissing", "0"],
  ])("tells %s apart", async (name, spec, expected, exitCode) => {
    await apply(job(name, spec));
    await finish(name);
    expect(await field(name, ".status.phase")).toBe("Failed");
    // Podman's monitor misses it on cgroup v1 (docs/engines.md).
    const missed = engine.kind === "podman" && name === "oom";
    expect(await field(name, ".status.reason")).toBe(missed ? "Error" : expected);
    if (exitCode !== undefined) expect(await field(name, ".status.exitCode")).toBe(exitCode);
  });

  it("says which image is missing", async () => {
    await apply(job("noimage", "  command: ['true']\n").replace(testImage, "homie-test/nowhere:1"));
    await finish("noimage");
    expect(await field("noimage", ".status.reason")).toBe("ImageMissing");
    expect(await field("noimage", ".status.message")).toContain("homie-test/nowhere:1");
  });

  it("cancels a running job", async () => {
    await apply(job("cancelled", "  command: [sleep, '300']\n"));
    await home.ok(["wait", "job/cancelled", "--for=phase=Running", "--timeout", "30s"]);
    await home.ok(["cancel", "job/cancelled"]);
    await finish("cancelled");
    expect(await field("cancelled", ".status.phase")).toBe("Cancelled");
  });

  it("tries a failing job again as often as it says", async () => {
    await apply(job("retries", "  command: [sh, -c, 'echo try $HOMIE_ATTEMPT; exit 2']\n  backoffLimit: 1\n"));
    await finish("retries");
    expect(await field("retries", ".status.attempt")).toBe("2");
    expect(await home.ok(["logs", "job/retries", "--stdout"])).toBe("try 2\n");
    expect(await home.ok(["logs", "job/retries", "--stdout", "--attempt", "1"])).toBe("try 1\n");
  });

  it("queues jobs over the limits", async () => {
    await home.ok(["config", "--max-jobs", "1"]);
    await apply(job("first", "  command: [sleep, '3']\n"));
    await home.ok(["wait", "job/first", "--for=phase=Running", "--timeout", "30s"]);
    await apply(job("second", "  command: ['true']\n"));
    await home.ok(["wait", "job/second", "--for=jsonpath={.status.reason}=Queued", "--timeout", "10s"]);
    expect(await field("second", ".status.message")).toContain("maxJobs");
    await finish("second");
    expect(await field("first", ".status.phase")).toBe("Succeeded");
    await home.ok(["config", "--max-jobs", "50"]);
  });

  it("deletes an expired job with its file and keeps its results", async () => {
    await apply(job("short", "  command: [sh, -c, 'echo x >kept.txt']\n  ttlSecondsAfterFinished: 1\n"));
    await home.ok(["wait", "job/short", "--for=delete", "--timeout", "30s"]);
    expect(() => statSync(fileOf("short"))).toThrow();
    expect(readFileSync(join(home.home, "results", "short", "kept.txt"), "utf8")).toBe("x\n");
  });

  it("leaves nothing in the engine of jobs that have ended", async () => {
    await expect
      .poll(
        async () => {
          const node = String((await home.json(["status"]))["node"]);
          const containers = await engine.docker.listContainers({
            all: true,
            filters: { label: [`homie.node=${node}`] },
          });
          return containers.length;
        },
        { timeout: 20_000 },
      )
      .toBe(0);
  });

  it("writes no status into files where that is not wanted, and still tells the truth", async () => {
    const quiet = new TestHome({ DOCKER_HOST: engine.host });
    try {
      mkdirSync(quiet.home, { recursive: true });
      chmodSync(quiet.home, 0o700);
      writeFileSync(join(quiet.home, "config.yaml"), "name: quiet\nmirror_status: false\n");
      await quiet.ok(["up", "-d"]);
      const text = job("plain", "  command: ['true']\n");
      await quiet.ok(["apply", "-f", "-", "--wait", "--timeout", "60s"], text);
      expect(await quiet.ok(["get", "job", "plain", "-o", "jsonpath={.status.phase}"])).toBe("Succeeded");
      expect(readFileSync(join(quiet.home, "desired", "jobs", "plain.yaml"), "utf8")).toBe(text);
    } finally {
      await quiet.close();
    }
  });

  it("reads and writes desired/ while no daemon runs, and runs what was applied when one does", async () => {
    const later = new TestHome({ DOCKER_HOST: engine.host });
    try {
      const text = job("later", "  command: ['true']\n");
      await later.ok(["apply", "-f", "-"], text);
      expect(await later.ok(["get", "jobs"])).toContain("later");
      expect((await later.run(["diff", "-f", "-"], text)).code).toBe(0);
      expect((await later.run(["diff", "-f", "-"], text.replace("'true'", "'false'"))).code).toBe(1);
      expect(await later.ok(["explain", "job.spec.outputs"])).toContain("paths");
      await later.ok(["up", "-d"]);
      await later.ok(["wait", "job/later", "--for=finished", "--timeout", "60s"]);
      expect(await later.ok(["get", "job", "later", "-o", "jsonpath={.status.phase}"])).toBe("Succeeded");
    } finally {
      await later.close();
    }
  });
});
