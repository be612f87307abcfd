import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestHome } from "../../support/cli.ts";
import { startEngine, testImage, whyNoEngine } from "../../support/engine.ts";
import { type Foreground, startForeground } from "../../support/foreground.ts";
import { type MemoryCap, openMemoryCap } from "../../support/memory-cap.ts";
import { Bed, nodeOf, nothingStays } from "./bed.ts";

const reason = await whyNoEngine();
const probe = fileURLToPath(new URL("../../support/resources-probe.mjs", import.meta.url));
const rounds = 4;
const perRound = 20;

interface Held {
  readonly descriptors: number;
  readonly timers: number;
  readonly rssMiB: number;
}

describe.skipIf(reason !== undefined)("F-32: a daemon that may have 256 MB", () => {
  let bed: Bed;
  let home: TestHome;
  let cap: MemoryCap;
  let daemon: Foreground;
  let answer: string;
  beforeAll(async () => {
    bed = new Bed(await startEngine());
    home = bed.newHome();
    cap = openMemoryCap(256 * 1024 * 1024);
    answer = join(home.root, "probe.json");
    const env = { DOCKER_HOST: bed.engine.host, NODE_OPTIONS: `--import ${probe}`, HOMIE_TEST_PROBE: answer };
    daemon = await startForeground(home.home, `echo $$ >${cap.procs}`, env);
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    cap?.close();
    await bed?.closeHomes();
    await bed?.engine.stop();
  });

  /** Each with a megabyte of output and files worth five. */
  async function runRound(round: number): Promise<void> {
    const names = Array.from({ length: perRound }, (_, index) => `round-${round}-${index}`);
    const script =
      "dd if=/dev/zero bs=1k count=1024 2>/dev/null | tr '\\0' 'x' | fold -w 99; dd if=/dev/urandom of=out bs=1M count=5 2>/dev/null";
    const jobs = names.map((name) => ({
      apiVersion: "homie.dev/v1",
      kind: "Job",
      metadata: { name },
      spec: { image: testImage, command: ["sh", "-c", script], resources: { cpu: 0.5, memory: "32Mi", disk: "64Mi" } },
    }));
    await home.ok(["apply", "-f", "-"], jobs.map((job) => JSON.stringify(job)).join("\n---\n"));
    for (const name of names) await home.ok(["wait", `job/${name}`, "--for=phase=Succeeded", "--timeout", "90s"]);
    await nothingStays(bed, await nodeOf(home));
    await home.ok(["delete", ...names.map((name) => `job/${name}`), "--timeout", "60s"]);
  }

  /** When it has come to rest. */
  async function held(): Promise<Held> {
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    rmSync(answer, { force: true });
    process.kill(daemon.pid, "SIGUSR2");
    await expect.poll(() => existsSync(answer)).toBe(true);
    const resources = JSON.parse(readFileSync(answer, "utf8")) as Readonly<Record<string, number>>;
    const descriptors = readdirSync(`/proc/${daemon.pid}/fd`).filter((fd) => isOpen(daemon.pid, fd)).length;
    return { descriptors, timers: resources["Timeout"] ?? 0, rssMiB: daemon.rssMiB() };
  }

  it(
    "runs one crowd of Jobs after the other within it, and holds no more after the last than after the first",
    { timeout: 600_000 },
    async () => {
      const after: Held[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await runRound(round);
        after.push(await held());
      }
      console.log(JSON.stringify(after));
      expect(cap.kills()).toBe(0);
      const [first, last] = [after[0], after.at(-1)];
      if (first === undefined || last === undefined) throw new Error("no round");
      // A connection that is kept, a health check under way: two may be there by chance.
      expect(last.descriptors).toBeLessThanOrEqual(first.descriptors + 2);
      expect(last.timers).toBeLessThanOrEqual(first.timers + 2);
      expect(last.rssMiB).toBeLessThan(first.rssMiB + 24);
    },
  );
});

function isOpen(pid: number, fd: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`) !== "";
  } catch {
    return false;
  }
}
