import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineHouse, whyNoEngineHouse } from "./engine-house.ts";
import { Lan } from "./lan.ts";

const refusal = await whyNoEngineHouse();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: two houses with engines: ${refusal}\n`);

describe.skipIf(refusal !== undefined)("two houses with an engine each", () => {
  const lan = new Lan("engines");
  const houses: EngineHouse[] = [];
  const projects = mkdtempSync(join(tmpdir(), "homie-projects-"));

  beforeAll(async () => {
    await lan.open();
    for (const [name, address] of [
      ["alice", "10.77.0.1"],
      ["bob", "10.77.0.2"],
    ] as const) {
      // One after the other: whoever has opened must be closed, whatever becomes of the next.
      houses.push(await EngineHouse.open(name, {}, await lan.addHost(name, address)));
    }
    await Promise.all(houses.map((house) => house.up()));
  });

  afterAll(async () => {
    for (const house of houses) await house.close();
    await lan.close();
    rmSync(projects, { recursive: true, force: true });
  });

  test("an image that is loaded into one is not in the other", async () => {
    const [alice, bob] = houses;
    const image = await alice?.loadTestImage();
    expect(await alice?.images()).toEqual([image]);
    expect(await bob?.images()).toEqual([]);
    await bob?.loadTestImage();
    expect(await bob?.images()).toEqual([image]);
  });

  test("each runs a job of its own on its own engine and brings the result home", async () => {
    await Promise.all(
      houses.map(async (house) => {
        const project = join(projects, house.name);
        mkdirSync(project);
        writeFileSync(join(project, "job.yaml"), jobOf(house));
        expect(await house.ok(["apply", "-f", "job.yaml"], { cwd: project })).toBe("job/greet created\n");
        await house.ok(["wait", "job/greet", "--for=condition=Complete", "--timeout", "60s"]);
        expect(await house.ok(["logs", "job/greet"])).toBe(`hello from ${house.name}\n`);
        expect(readFileSync(join(project, "out", "greeting.txt"), "utf8")).toBe(`${house.name}\n`);
      }),
    );
    for (const house of houses) {
      const status = JSON.parse(await house.ok(["get", "job", "greet", "-o", "json"])) as { status: object };
      expect(status.status).toMatchObject({ phase: "Succeeded", peer: house.name, runtime: "docker" });
      expect(await house.containers()).toEqual([]);
    }
  });
});

function jobOf(house: EngineHouse): string {
  const command = JSON.stringify(["sh", "-c", `echo hello from ${house.name}; echo ${house.name} >greeting.txt`]);
  return `apiVersion: homie.dev/v1
kind: Job
metadata: {name: greet}
spec:
  image: ${house.engine.image}
  command: ${command}
  outputs: [{paths: [greeting.txt], required: true, to: out}]
`;
}
