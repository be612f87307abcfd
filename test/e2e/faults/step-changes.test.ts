import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestHome } from "../../support/cli.ts";
import { type EngineSteps, stepsOfJob } from "../../support/engine-steps.ts";
import { testImage, whyNoEngine } from "../../support/engine.ts";
import { type Bed, field, nodeOf, nothingStays, startsOf, openSteppedHome, type SteppedHome } from "./bed.ts";

const reason = await whyNoEngine();
const deeds = ["edit", "cancel", "delete"] as const;
type Deed = (typeof deeds)[number];
const changes = stepsOfJob.flatMap((step, index) => deeds.map((deed) => ({ ...step, index, deed })));
const indexOf = (step: string): number => stepsOfJob.findIndex(({ what }) => what === step);
/** From here on the program has ended by itself, and is not cancelled any more. */
const programEnded = indexOf("collecting the outputs");
/** The verdict is reached when outputs are home; both calls for removal come later. */
const jobEnded = indexOf("removing the container");

/** Each call of the engine on the way of a Job waits until a person has changed their mind. */
describe.skipIf(reason !== undefined)("F-38: a Job is changed while a call of the engine is on its way", () => {
  let bed: Bed;
  let proxy: EngineSteps;
  let home: TestHome;
  let stepped: SteppedHome;
  beforeAll(async () => {
    stepped = await openSteppedHome();
    ({ bed, steps: proxy, home } = stepped);
  });
  afterAll(() => stepped?.close());

  const jobOf = (name: string, exitCode: number): string =>
    JSON.stringify({
      apiVersion: "homie.dev/v1",
      kind: "Job",
      metadata: { name },
      spec: {
        image: testImage,
        resources: { cpu: 0.1, memory: "32Mi", disk: "16Mi" },
        command: ["sh", "-c", `cat in.txt; echo out >out.txt; sleep 0.5; exit ${exitCode}`],
        env: [{ name: "STEP", value: name }],
        inputs: [{ path: join(home.root, "in.txt"), mountPath: "in.txt" }],
      },
    });

  function meddle(deed: Deed, name: string): Promise<string> {
    if (deed === "edit") return home.ok(["apply", "-f", "-"], jobOf(name, 7));
    if (deed === "delete") return home.ok(["delete", "job", name, "--wait=false"]);
    // What has ended is not cancelled: then the command says so.
    return home.run(["cancel", `job/${name}`]).then(({ stdout, stderr }) => stdout + stderr);
  }

  /** Resolves with what the deed answered, when it has been done and the call goes on. */
  function onceAt({ method, path, deed }: (typeof changes)[number], name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      proxy.hold = (call) => {
        if (call.method !== method || !path.test(call.path)) return undefined;
        proxy.hold = () => undefined;
        const done = meddle(deed, name);
        done.then(resolve, reject);
        return done.then(() => undefined);
      };
    });
  }

  it.each(changes)("$deed while $what", async (change) => {
    const { deed, index } = change;
    const name = `${deed}-${index}`;
    const since = Math.floor(Date.now() / 1000);
    const meddled = onceAt(change, name);
    await home.ok(["apply", "-f", "-"], jobOf(name, 3));
    const answer = await meddled;
    if (deed === "delete") await home.ok(["wait", `job/${name}`, "--for=delete", "--timeout", "30s"]);
    else {
      await home.ok(["wait", `job/${name}`, "--for=finished", "--timeout", "60s"]);
      const end = await Promise.all([".status.phase", ".status.exitCode"].map((what) => field(home, name, what)));
      if (deed === "edit") expect(end).toEqual(["Failed", "7"]);
      else if (index < programEnded) expect(end[0]).toBe("Cancelled");
      else expect(end).toEqual(["Failed", "3"]);
      if (deed === "cancel" && index >= jobEnded) expect(answer).toMatch(/already failed/);
    }
    await nothingStays(bed, await nodeOf(home));
    // Every container once; the old program at most once, the new one of an edit once more.
    const starts = await startsOf(bed, name, since);
    expect(new Set(starts).size).toBe(starts.length);
    expect(starts.length).toBeLessThanOrEqual(deed === "edit" ? 2 : 1);
    if (deed === "edit" && index >= programEnded) expect(starts).toHaveLength(2);
  });
});
