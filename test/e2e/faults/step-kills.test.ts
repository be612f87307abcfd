import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestHome } from "../../support/cli.ts";
import { type EngineCall, type EngineSteps, type Moment, stepsOfJob } from "../../support/engine-steps.ts";
import { testImage, whyNoEngine } from "../../support/engine.ts";
import { type Bed, field, gone, nodeOf, nothingStays, startsOf, up, openSteppedHome, type SteppedHome } from "./bed.ts";

const reason = await whyNoEngine();

const kills = stepsOfJob.flatMap(({ what, method, path }) =>
  (["before", "after"] as const).map((moment) => [moment, what, method, path] as const),
);

describe.skipIf(reason !== undefined)("F-01: the daemon is killed at every step of a Job", () => {
  let bed: Bed;
  let proxy: EngineSteps;
  let home: TestHome;
  let stepped: SteppedHome;
  beforeAll(async () => {
    stepped = await openSteppedHome();
    ({ bed, steps: proxy, home } = stepped);
  });
  afterAll(() => stepped?.close());

  /** Kills the daemon at that call; resolves when it is gone. */
  async function killAt(wanted: (call: EngineCall) => boolean, at: Moment): Promise<void> {
    const pid = home.pid();
    await new Promise<void>((resolve) => {
      proxy.watch = (call, moment) => {
        if (moment !== at || !wanted(call)) return false;
        proxy.watch = () => false;
        process.kill(pid, "SIGKILL");
        resolve();
        return true;
      };
    });
    await gone(pid);
  }

  it.each(kills)(
    "%s %s: the Job ends as it would have, in one attempt, started once, and nothing stays",
    async (moment, _what, method, path) => {
      const name = `kill-${kills.findIndex(([at, , verb, pattern]) => at === moment && verb === method && pattern === path)}`;
      const since = Math.floor(Date.now() / 1000);
      const killed = killAt((call) => call.method === method && path.test(call.path), moment);
      const spec = { image: testImage, resources: { cpu: 0.1, memory: "32Mi", disk: "16Mi" } };
      const command = ["sh", "-c", "echo begun; cat in.txt; echo out >out.txt; sleep 1; echo ended; exit 3"];
      const env = [{ name: "STEP", value: name }];
      const job = {
        apiVersion: "homie.dev/v1",
        kind: "Job",
        metadata: { name },
        spec: { ...spec, command, env, inputs: [{ path: join(home.root, "in.txt"), mountPath: "in.txt" }] },
      };
      await home.ok(["apply", "-f", "-"], JSON.stringify(job));
      await killed;
      await up(home);
      await home.ok(["wait", `job/${name}`, "--for=finished", "--timeout", "60s"]);
      const end = await Promise.all(
        [".status.phase", ".status.exitCode", ".status.attempt", ".status.reason"].map((what) =>
          field(home, name, what),
        ),
      );
      expect(end).toEqual(["Failed", "3", "1", "Error"]);
      expect(await home.ok(["logs", `job/${name}`, "--stdout"])).toBe("begun\nin\nended\n");
      expect(readFileSync(join(home.home, "results", name, "out.txt"), "utf8")).toBe("out\n");
      await nothingStays(bed, await nodeOf(home));
      expect(await startsOf(bed, name, since)).toHaveLength(1);
    },
  );
});
