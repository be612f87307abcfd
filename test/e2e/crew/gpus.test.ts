import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Job } from "../../../src/resources/job.ts";
import { House } from "./house.ts";
import { Lan, whyNoLan } from "./lan.ts";

const refusal = await whyNoLan();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: GPUs in a crew: ${refusal}\n`);

const config = { group_secret: "the-secret-of-two-friends", heartbeat_interval: 0.4, peer_timeout: 4 };
const wait = { timeout: 30_000, interval: 200 };
const limits = `apiVersion: homie.dev/v1
kind: Limits
metadata: {name: default}
spec: {runtime: process, allow: {peers: [alice, bob]}}
`;
/** What the driver's tool would say on a machine with these two. Nothing else of a GPU is there. */
const smi = `#!/bin/sh
echo "GPU-11111111-aaaa, NVIDIA GeForce RTX 3060, 12288, 12000, 0"
echo "GPU-22222222-bbbb, NVIDIA A100-SXM4-80GB, 81920, 81000, 0"
`;

describe.skipIf(refusal !== undefined)("GPUs in a crew, as a tool in place of the driver's tells of them", () => {
  const lan = new Lan("gpus");
  const work = mkdtempSync(join(tmpdir(), "homie-gpus-"));
  const houses: House[] = [];
  const [alice, bob] = [(): House => house(0), (): House => house(1)];
  function house(index: number): House {
    const found = houses[index];
    if (found === undefined) throw new Error(`there is no house ${index}`);
    return found;
  }

  async function declare(from: House, name: string, program: string, gpu: string): Promise<void> {
    const project = join(work, name);
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, "run.sh"), `echo "sees [$CUDA_VISIBLE_DEVICES]"\n${program}\n`);
    const resources = `cpu: 0.1, memory: 64Mi, disk: 64Mi${gpu === "" ? "" : `, gpu: ${gpu}`}`;
    const spec = `spec: {script: run.sh, project: {path: ., exclude: [job.yaml]}, resources: {${resources}}}`;
    const head = `apiVersion: homie.dev/v1\nkind: Job\nmetadata: {name: ${name}}\n`;
    writeFileSync(join(project, "job.yaml"), `${head}${spec}\n`);
    await from.ok(["apply", "-f", "job.yaml"], { cwd: project });
  }
  async function look(at: House, name: string): Promise<NonNullable<Job["status"]>> {
    return (JSON.parse(await at.ok(["get", "job", name, "-o", "json"])) as Job).status ?? {};
  }
  const finish = (at: House, name: string): Promise<string> =>
    at.ok(["wait", `job/${name}`, "--for=finished", "--timeout", "60s"]);
  const stopHolding = (name: string): void => writeFileSync(join(work, `${name}.stop`), "");
  const hold = (name: string): string => `while [ ! -e ${join(work, `${name}.stop`)} ]; do sleep 0.1; done`;

  beforeAll(async () => {
    await lan.open();
    const bin = join(work, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "nvidia-smi"), smi);
    chmodSync(join(bin, "nvidia-smi"), 0o755);
    for (const [index, name] of ["alice", "bob"].entries()) {
      const each = new House(name, config, await lan.addHost(name, `10.77.0.${index + 1}`));
      each.write("desired/limits.yaml", limits);
      houses.push(each);
    }
    bob().wrapper = ["env", `PATH=${bin}:${process.env["PATH"] ?? ""}`];
    await Promise.all(houses.map((each) => each.up()));
  });

  afterAll(async () => {
    for (const each of houses) await each.close();
    await lan.close();
    rmSync(work, { recursive: true, force: true });
  });

  test("a job that needs a GPU goes where one is, and sees that one alone", async () => {
    await expect.poll(async () => (await alice().peer("bob"))?.status?.resources?.gpus?.length, wait).toBe(2);
    await declare(alice(), "train", "true", "{count: 1}");
    await finish(alice(), "train");
    expect(await look(alice(), "train")).toMatchObject({ phase: "Succeeded", peer: "bob" });
    expect(await alice().ok(["logs", "job/train"])).toBe("sees [GPU-11111111-aaaa]\n");
  });

  test("one without sees none", async () => {
    await declare(alice(), "plain", "true", "");
    await finish(alice(), "plain");
    expect(await alice().ok(["logs", "job/plain"])).toBe("sees []\n");
  });

  test("the second one waits until the first is over, and others pass it", async () => {
    await declare(alice(), "first", hold("first"), "{model: A100}");
    await expect.poll(async () => (await look(alice(), "first")).phase, wait).toBe("Running");
    await declare(alice(), "second", "true", "{minMemory: 40Gi}");
    await expect.poll(async () => (await look(alice(), "second")).message, wait).toContain("bob: InsufficientGpu");
    expect((await look(alice(), "second")).reason).toBe("Queued");
    // Its owner's own Jobs get none that is taken either; what needs no GPU stands behind nobody.
    await declare(bob(), "mine", "true", "{count: 2}");
    await expect.poll(async () => (await look(bob(), "mine")).message, wait).toContain("bob: InsufficientGpu");
    for (const at of [alice(), bob()]) {
      await declare(at, `plain-${at.name}`, "true", "");
      await finish(at, `plain-${at.name}`);
    }
    expect((await look(alice(), "second")).phase).toBe("Pending");
    stopHolding("first");
    await Promise.all([finish(alice(), "first"), finish(alice(), "second"), finish(bob(), "mine")]);
    expect(await alice().ok(["logs", "job/first"])).toBe("sees [GPU-22222222-bbbb]\n");
    expect(await alice().ok(["logs", "job/second"])).toBe("sees [GPU-22222222-bbbb]\n");
    expect(await bob().ok(["logs", "job/mine"])).toBe("sees [GPU-11111111-aaaa,GPU-22222222-bbbb]\n");
  });

  test("a restart of the executor does not give away what is held", async () => {
    await declare(alice(), "held", hold("held"), "{model: A100}");
    await expect.poll(async () => (await look(alice(), "held")).phase, wait).toBe("Running");
    bob().kill();
    await bob().up();
    await declare(bob(), "late", "true", "{model: A100}");
    await expect.poll(async () => (await look(bob(), "late")).message, wait).toContain("bob: InsufficientGpu");
    stopHolding("held");
    await Promise.all([finish(alice(), "held"), finish(bob(), "late")]);
    expect((await look(alice(), "held")).phase).toBe("Succeeded");
  });

  test("a GPU nobody has, or more than are lent, cannot be waited for", async () => {
    bob().write("desired/limits.yaml", limits.replace("runtime:", "gpus: 1, runtime:"));
    for (const [name, gpu] of [
      ["h100", "{model: H100}"],
      ["two", "{count: 2}"],
    ] as const) {
      await declare(alice(), name, "true", gpu);
      await expect.poll(async () => (await look(alice(), name)).reason, wait).toBe("Unschedulable");
      await alice().ok(["delete", "job", name]);
    }
  });
});
