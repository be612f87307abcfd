import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Job } from "../../../src/resources/job.ts";
import { randomFrom } from "../../crew/simulation/random.ts";
import { House } from "./house.ts";
import { Lan, whyNoLan } from "./lan.ts";

const refusal = await whyNoLan();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: kills in a crew: ${refusal}\n`);

/** 500 in a long run. */
const kills = Number(process.env["HOMIE_KILLS"] ?? 50);
const seed = Number(process.env["HOMIE_SEED"] ?? Date.now() % 1_000_000);
const config = { group_secret: "the-secret-of-two-friends", heartbeat_interval: 0.4, peer_timeout: 4 };
const limits = `apiVersion: homie.dev/v1
kind: Limits
metadata: {name: default}
spec: {runtime: process, allow: {peers: [alice, bob]}}
`;

describe.skipIf(refusal !== undefined)(`${kills} times kill -9 of submitter or executor (seed ${seed})`, () => {
  const lan = new Lan("kills");
  const work = mkdtempSync(join(tmpdir(), "homie-kills-"));
  const houses: House[] = [];
  const house = (index: number): House => {
    const found = houses[index];
    if (found === undefined) throw new Error("beforeAll has not built this house");
    return found;
  };

  beforeAll(async () => {
    await lan.open();
    for (const [index, name] of ["alice", "bob"].entries()) {
      const built = new House(name, config, await lan.addHost(name, `10.77.0.${index + 1}`));
      houses.push(built);
      built.write("desired/limits.yaml", limits);
      await built.up();
    }
  });
  afterAll(async () => {
    for (const each of houses) await each.close();
    await lan.close();
    rmSync(work, { recursive: true, force: true });
  });

  function manifestOf(name: string, seconds: string, code: number): string {
    const project = join(work, name);
    mkdirSync(project);
    const program = `echo start >> ${project}.starts\nfor i in 1 2 3; do echo line $i; sleep ${seconds}; done\necho ${name} > out.txt\nexit ${code}\n`;
    writeFileSync(join(project, "run.sh"), program);
    return `apiVersion: homie.dev/v1
kind: Job
metadata: {name: ${name}}
spec:
  script: run.sh
  project: {path: ${project}}
  resources: {cpu: 0.01, memory: 16Mi, disk: 16Mi}
  outputs: [{paths: ["*.txt"], to: ${project}/home, when: Always}]
  peer: bob
`;
  }

  test(
    "every job ends right, each attempt starts once, and nothing is left on the executor",
    { timeout: 60_000 + kills * 6_000 },
    async () => {
      const random = randomFrom(seed);
      const jobs = Array.from({ length: Math.min(40, Math.max(12, kills / 4)) }, (_, index) => `job-${index}`);
      const [alice, bob] = [house(0), house(1)];
      await expect.poll(() => alice.phaseOf("bob"), { timeout: 20_000, interval: 200 }).toBe("Online");
      const declare = async (batch: readonly string[]): Promise<void> => {
        const texts = batch.map((name) => manifestOf(name, (0.2 + random()).toFixed(1), Number(name.slice(4)) % 3));
        alice.write(`desired/jobs/${batch[0]}.yaml`, texts.join("---\n"));
      };
      for (let kill = 0; kill < kills; kill += 1) {
        // New ones all the time, so that kills meet every step of a job.
        const perKill = Math.ceil(jobs.length / kills);
        const batch = jobs.slice(kill * perKill, (kill + 1) * perKill);
        if (batch.length > 0) await declare(batch);
        await new Promise((resolve) => setTimeout(resolve, random() * 1_200));
        const victim = random() < 0.5 ? alice : bob;
        victim.kill();
        await victim.up();
      }
      await alice.ok(["wait", ...jobs.map((name) => `job/${name}`), "--for=finished", "--timeout", "180s"]);
      const { items } = JSON.parse(await alice.ok(["get", "jobs", "-o", "json"])) as { items: readonly Job[] };
      for (const { metadata, status } of items) {
        const { name } = metadata;
        const starts = readFileSync(join(work, `${name}.starts`), "utf8")
          .trim()
          .split("\n").length;
        const seen = { name, exitCode: status?.exitCode, attempt: status?.attempt, starts, peer: status?.peer };
        const code = Number(name.slice(4)) % 3;
        // A reservation that a kill let run out has never started.
        const ran = (status?.attempts ?? []).filter(({ startTime }) => startTime !== undefined).length;
        expect(seen).toEqual({ name, exitCode: code, attempt: seen.attempt, starts: ran, peer: "bob" });
        expect(await alice.ok(["logs", `job/${name}`])).toBe("line 1\nline 2\nline 3\n");
        const result = join(work, name, "home", "out.txt");
        expect(existsSync(result) ? readFileSync(result, "utf8") : "").toBe(`${name}\n`);
      }
      expect(items).toHaveLength(jobs.length);
      await expect.poll(() => bob.ok(["get", "attempts", "-o", "name"]), { timeout: 40_000, interval: 500 }).toBe("");
    },
  );
});
