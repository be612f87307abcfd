import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Attempt } from "../../../src/resources/attempt.ts";
import type { TestHome } from "../../support/cli.ts";
import { startEngine, testImage, whyNoEngine } from "../../support/engine.ts";
import { openRegistry, type TestRegistry } from "../../support/registry.ts";
import { Bed, field, finish, up } from "./bed.ts";

const reason = await whyNoEngine();
const waitMs = 30_000;

describe.skipIf(reason !== undefined)("F-09: images, and the registry they come from", () => {
  let bed: Bed;
  let home: TestHome;
  let registry: TestRegistry;
  beforeAll(async () => {
    bed = new Bed(await startEngine());
    registry = await openRegistry(bed.engine.docker, testImage);
    home = bed.newHome();
    await up(home);
  });
  afterAll(async () => {
    await bed?.closeHomes();
    for (const { RepoTags } of await bed.engine.docker.listImages())
      for (const tag of RepoTags ?? [])
        if (tag.startsWith(registry.host)) await bed.engine.docker.getImage(tag).remove({ force: true });
    await registry?.close();
    await bed?.engine.stop();
  });

  async function apply(name: string, repository: string, program: string): Promise<void> {
    const spec = {
      image: `${registry.host}/${repository}:1`,
      command: ["sh", "-c", program],
      resources: { cpu: 0.1, memory: "32Mi" },
    };
    await home.ok(
      ["apply", "-f", "-"],
      JSON.stringify({ apiVersion: "homie.dev/v1", kind: "Job", metadata: { name }, spec }),
    );
  }
  const message = (name: string): Promise<string> => field(home, name, ".status.message");

  const reasonOf = (name: string): Promise<string> => field(home, name, ".status.reason");
  async function imageOf(name: string): Promise<string | undefined> {
    const attempts = (await home.json(["get", "attempts"])) as { readonly items: readonly Attempt[] };
    return attempts.items.find(({ spec }) => spec.job.name === name)?.status?.imageId;
  }
  const forgetImage = (repository: string): Promise<unknown> =>
    bed.engine.docker.getImage(`${registry.host}/${repository}:1`).remove({ force: true });

  it("one that is pulled runs, and what ran is written down, however its tag moves", async () => {
    registry.put("moving", "first");
    await apply("one", "moving", "cat /who");
    expect(await finish(home, "one")).toBe("Succeeded");
    registry.put("moving", "second");
    await apply("two", "moving", "cat /who");
    expect(await finish(home, "two")).toBe("Succeeded");
    // What is here under that name is taken.
    expect([await home.ok(["logs", "job/two"]), await imageOf("two")]).toEqual(["first", await imageOf("one")]);
    await forgetImage("moving");
    await apply("three", "moving", "cat /who");
    expect(await finish(home, "three")).toBe("Succeeded");
    expect(await home.ok(["logs", "job/three"])).toBe("second");
    expect(await imageOf("three")).not.toBe(await imageOf("one"));
    expect(await imageOf("three")).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("one that is removed while it runs does not end its Job", async () => {
    registry.put("removed", "removed");
    await apply("keeps-on", "removed", "sleep 3; cat /who; exit 4");
    await home.ok(["wait", "job/keeps-on", "--for=phase=Running", "--timeout", "30s"]);
    await forgetImage("removed");
    expect(await finish(home, "keeps-on")).toBe("Failed");
    expect([await field(home, "keeps-on", ".status.exitCode"), await home.ok(["logs", "job/keeps-on"])]).toEqual([
      "4",
      "removed",
    ]);
  });

  it.each([
    ["busy", /toomanyrequests/],
    ["broken", /503/],
  ] as const)(
    "a registry that is %s is asked again at growing pauses, which is said, until it does better",
    async (manner, said) => {
      registry.put(manner, manner);
      registry.manners.set(manner, manner);
      await apply(manner, manner, "cat /who");
      await expect.poll(() => reasonOf(manner), { timeout: waitMs }).toBe("RegistryUnavailable");
      expect(await message(manner)).toMatch(said);
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      expect(registry.asked.get(manner)).toBeLessThan(12);
      registry.manners.set(manner, "well");
      expect(await finish(home, manner)).toBe("Succeeded");
      expect(await reasonOf(manner)).toBe("Completed");
    },
  );

  it("one that nobody has, one for other machines and a registry that is off are told apart, at once", async () => {
    registry.put("nothing", "nothing");
    registry.manners.set("nothing", "nothing");
    registry.put("elsewhere", "elsewhere");
    registry.manners.set("elsewhere", "elsewhere");
    await apply("nothing", "nothing", "true");
    await apply("elsewhere", "elsewhere", "true");
    const spec = { image: "127.0.0.1:1/off:1", command: ["true"], resources: { cpu: 0.1, memory: "32Mi" } };
    const off = { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name: "off" }, spec };
    await home.ok(["apply", "-f", "-"], JSON.stringify(off));
    for (const [name, said] of [
      ["nothing", /manifest unknown/],
      ["elsewhere", /no matching manifest for linux/],
      ["off", /connection refused/],
    ] as const) {
      expect([name, await finish(home, name), await reasonOf(name)]).toEqual([name, "Failed", "ImageMissing"]);
      expect(await message(name)).toMatch(said);
    }
  });

  it("a registry that stops in the middle holds up no other Job, and its own can be cancelled", async () => {
    registry.put("silent", "silent", { isAlone: true });
    registry.manners.set("silent", "silent");
    await apply("silent", "silent", "true");
    await expect.poll(() => registry.asked.get("silent") ?? 0, { timeout: waitMs }).toBeGreaterThan(0);
    registry.put("quick", "quick");
    await apply("quick", "quick", "cat /who");
    expect(await finish(home, "quick")).toBe("Succeeded");
    expect(await field(home, "silent", ".status.phase")).toBe("Staging");
    await home.ok(["cancel", "job/silent"]);
    expect(await finish(home, "silent")).toBe("Cancelled");
  });
});
