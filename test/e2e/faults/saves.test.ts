import { readFileSync } from "node:fs";
import { describe, it } from "vitest";
import type { Job } from "../../../src/resources/job.ts";
import { stripStatus } from "../../../src/resources/splice-status.ts";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { openHome, until, type HomeFixture } from "../../adapters/files/home-fixture.ts";
import { randomFrom } from "../../crew/simulation/random.ts";
import { SaverProcess } from "../../support/saver-process.ts";
import { savers } from "../../support/savers.ts";
import { promisedMs } from "../../support/promised.ts";

/** 1000 in a long run. */
const saves = Number(process.env["HOMIE_SAVES"] ?? 12);
const seed = Number(process.env["HOMIE_SEED"] ?? Date.now() % 1_000_000);

const text = (number: string): string =>
  `# my job\nkind: Job   # kind first\nmetadata: {name: train}\n\nspec:\n  image: busybox\n  command: [echo, "${number}"]\napiVersion: homie.dev/v1\n# the end\n`;
const train = (home: HomeFixture): Job | undefined => home.store.get<Job>({ kind: "Job", name: "train" });

/** Gives the job another status all the time, as a controller would that has a lot to say. */
function keepTelling(home: HomeFixture, random: () => number): Disposable {
  const timer = setInterval(() => {
    const job = train(home);
    const message = `turn ${Math.floor(random() * 1e6)}`;
    const observedGeneration = job?.metadata.generation ?? 0;
    if (job !== undefined) home.store.putStatus(job, { observedGeneration, phase: "Running", message });
  }, 40);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

describe(`F-27: ${saves} saves by each program race with status being written (seed ${seed})`, () => {
  it.concurrent.for(savers)(
    "$name: no edit is lost, no other byte changes, each is seen within 2 s",
    { timeout: 30_000 + saves * 4_000 },
    async ({ name, missing }, { expect, skip }) => {
      if (missing !== undefined) skip(missing);
      await using home = openHome({ mirrorStatus: true });
      using editor = new SaverProcess();
      const random = randomFrom(seed);
      const path = home.put("jobs/train.yaml", text("edit0"));
      await home.loop.rescan();
      home.loop.start();
      const uid = train(home)?.metadata.uid;
      using _telling = keepTelling(home, random);
      let slowestMs = 0;
      for (let save = 1; save <= saves; save++) {
        // Whenever: also in the middle of a write of ours, which come once a second.
        await systemClock.sleep(random() * 1_200);
        await editor.save(name, path, `edit${save - 1}"`, `edit${save}"`);
        const savedMs = performance.now();
        const isSeen = (): boolean => train(home)?.spec.command?.[1] === `edit${save}`;
        await until(isSeen, `${name} of edit${save} is seen`, 10_000);
        slowestMs = Math.max(slowestMs, performance.now() - savedMs);
        expect(stripStatus(readFileSync(path, "utf8"))).toBe(text(`edit${save}`));
      }
      expect(slowestMs).toBeLessThan(promisedMs(2_000));
      expect([train(home)?.metadata.uid, train(home)?.metadata.generation]).toEqual([uid, saves + 1]);
    },
  );
});
