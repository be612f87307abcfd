import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProxy } from "../../support/engine-proxy.ts";
import { startEngine, whyNoEngine, type TestEngine } from "../../support/engine.ts";
import { Bed, field, finish, job, run, up } from "./bed.ts";

const reason = await whyNoEngine();
const suite = reason === undefined ? describe : describe.skip;

suite(`an engine that is not well${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let engine: TestEngine;
  let bed: Bed;

  beforeAll(async () => {
    engine = await startEngine();
    bed = new Bed(engine);
  });
  afterAll(async () => {
    await engine?.stop();
  });

  it("F-07, F-48: an engine that goes away, hangs or tells nothing is waited for, and no program is lost", async () => {
    const proxy = await openProxy(engine.socket);
    const home = bed.newHome({ DOCKER_HOST: `unix://${proxy.socket}` });
    try {
      await up(home);
      await run(home, "train", "sleep 3; exit 9");
      proxy.mode = "refuse";
      await home.ok(["apply", "-f", "-"], job("next", "exit 0"));
      await expect.poll(() => field(home, "next", ".status.reason")).toBe("EngineUnavailable");
      proxy.mode = "pass";
      expect([await finish(home, "train"), await field(home, "train", ".status.exitCode")]).toEqual(["Failed", "9"]);
      expect(await finish(home, "next")).toBe("Succeeded");
      await run(home, "hung", "sleep 4; exit 8");
      proxy.mode = "hang";
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      proxy.mode = "pass";
      expect([await finish(home, "hung"), await field(home, "hung", ".status.exitCode")]).toEqual(["Failed", "8"]);
      proxy.mode = "silent events";
      await run(home, "unheard", "sleep 3; exit 7");
      expect([await finish(home, "unheard"), await field(home, "unheard", ".status.exitCode")]).toEqual([
        "Failed",
        "7",
      ]);
      for (const name of ["train", "next", "hung", "unheard"])
        expect(await field(home, name, ".status.attempt")).toBe("1");
    } finally {
      await bed.closeHomes();
      await proxy.close();
    }
  });
});
