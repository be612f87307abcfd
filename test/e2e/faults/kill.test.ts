import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { randomFrom } from "../../crew/simulation/random.ts";
import { TestHome } from "../../support/cli.ts";
import { startEngine, testImage, whyNoEngine, type TestEngine } from "../../support/engine.ts";

const reason = await whyNoEngine();
const suite = reason === undefined ? describe : describe.skip;
/** 200 in a long run. */
const kills = Number(process.env["HOMIE_KILLS"] ?? 20);
const jobs = Math.min(20, Math.max(10, kills / 10));
const seed = Number(process.env["HOMIE_SEED"] ?? Date.now() % 1_000_000);

suite(`F-03: ${kills} times kill -9 (seed ${seed})${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let engine: TestEngine;
  let home: TestHome;
  let node = "";

  beforeAll(async () => {
    engine = await startEngine();
  });
  // Of each try its own: what one has run, another cannot run again.
  beforeEach(async () => {
    home = new TestHome({ DOCKER_HOST: engine.host });
    await home.ok(["up", "-d", "--name", "alice"]);
    node = String((await home.json(["status"]))["node"]);
  });
  afterEach(() => home?.close());
  afterAll(() => engine?.stop());

  const inEngine = async (): Promise<number> => {
    const filters = { label: [`homie.node=${node}`] };
    const containers = await engine.docker.listContainers({ all: true, filters });
    const volumes = await engine.docker.listVolumes({ filters });
    return containers.length + (volumes.Volumes ?? []).length;
  };
  /** Heard as they happen: the engine remembers its last 256 events only. */
  const hearStarts = async (): Promise<() => readonly number[]> => {
    const stream = await engine.docker.getEvents({
      filters: { label: [`homie.node=${node}`], event: ["start"], type: ["container"] },
    });
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => (text += chunk)).on("error", () => undefined);
    return () => {
      (stream as unknown as Readable).destroy();
      const counts = new Map<string, number>();
      for (const line of text.split("\n").filter((each) => each !== "")) {
        const { Actor: actor } = JSON.parse(line) as { Actor: { Attributes: { name: string } } };
        counts.set(actor.Attributes.name, (counts.get(actor.Attributes.name) ?? 0) + 1);
      }
      return [...counts.values()];
    };
  };

  it(
    "ends every job right, starts each attempt once and leaves nothing behind",
    async () => {
      const random = randomFrom(seed);
      const starts = await hearStarts();
      const job = (index: number): string =>
        `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: job-${index}}\nspec:\n  image: ${testImage}\n  resources: {cpu: 0.1, memory: 32Mi}\n  command: [sh, -c, 'for i in 1 2 3; do echo line $i; sleep ${(0.2 + random()).toFixed(1)}; done; echo ${index} >out.txt; exit ${index % 3}']\n`;
      const texts = Array.from({ length: jobs }, (_, index) => job(index));
      await home.ok(["apply", "-f", "-"], texts.join("---\n"));
      for (let kill = 0; kill < kills; kill++) {
        await new Promise((resolve) => setTimeout(resolve, 200 + random() * 2_800));
        process.kill(home.pid(), "SIGKILL");
        await home.ok(["up", "-d", "--name", "alice"]);
      }
      for (let index = 0; index < jobs; index++) {
        await home.ok(["wait", `job/job-${index}`, "--for=finished", "--timeout", "120s"]);
        const { status } = (await home.json(["get", "job", `job-${index}`])) as {
          status: { phase: string; exitCode: number; attempt: number };
        };
        expect([index, status.phase, status.exitCode, status.attempt]).toEqual([
          index,
          index % 3 === 0 ? "Succeeded" : "Failed",
          index % 3,
          1,
        ]);
        expect((await home.run(["logs", `job/job-${index}`, "--stdout"])).stdout).toBe("line 1\nline 2\nline 3\n");
        expect(readFileSync(join(home.home, "results", `job-${index}`, "out.txt"), "utf8")).toBe(`${index}\n`);
      }
      await expect.poll(inEngine, { timeout: 60_000, interval: 500 }).toBe(0);
      expect(starts()).toEqual(Array.from({ length: jobs }, () => 1));
      // The daemon that lives may be writing at this very moment.
      await expect.poll(() => leftovers(home.home)).toEqual([]);
    },
    60_000 + kills * 8_000,
  );
});

/** Temporary files of ours anywhere below the home, results that are of no Job, and staged outputs that were published. */
function leftovers(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      (/(^|\/)\.homie-/.test(name) && !name.endsWith(".homie-results.json")) ||
      name.endsWith(".tmp") ||
      /^results\/(?!job-\d+(\/|$))/.test(name) ||
      /^runs\/[^/]+\/\d+\/outputs\//.test(name),
  );
}
