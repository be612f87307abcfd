import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../../../src/resources/job.ts";
import { stripStatus } from "../../../src/resources/splice-status.ts";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { openHome, until, type HomeFixture } from "../../adapters/files/home-fixture.ts";
import { randomFrom } from "../../crew/simulation/random.ts";
import { SaverProcess } from "../../support/saver-process.ts";
import { savers } from "../../support/savers.ts";

/** 1000 in a long run. */
const saves = Number(process.env["HOMIE_SAVES"] ?? 25);
const seed = Number(process.env["HOMIE_SEED"] ?? Date.now() % 1_000_000);

const text = (number: string): string =>
  `# my job\nkind: Job   # kind first\nmetadata: {name: train}\n\nspec:\n  image: busybox\n  command: [echo, "${number}"]\napiVersion: homie.dev/v1\n# the end\n`;

describe(`F-27: ${saves} saves by each program race with status being written (seed ${seed})`, () => {
  let home: HomeFixture;
  let editor: SaverProcess;
  const random = randomFrom(seed);

  beforeEach(() => {
    home = openHome({ mirrorStatus: true });
    editor = new SaverProcess();
  });
  afterEach(async () => {
    editor.close();
    await home[Symbol.asyncDispose]();
  });

  it.each(
    savers.map(
      (saver) => [`${saver.name}${saver.missing === undefined ? "" : ` (skipped: ${saver.missing})`}`, saver] as const,
    ),
  )(
    "%s: no edit is lost, no other byte changes, each is seen within 2 s",
    async (_, saver) => {
      if (saver.missing !== undefined) return;
      const path = home.put("jobs/train.yaml", text("edit0"));
      await home.loop.rescan();
      home.loop.start();
      const uid = home.store.get<Job>({ kind: "Job", name: "train" })?.metadata.uid;
      const controller = setInterval(() => {
        const job = home.store.get<Job>({ kind: "Job", name: "train" });
        if (job === undefined) return;
        const message = `turn ${Math.floor(random() * 1e6)}`;
        home.store.putStatus(job, { observedGeneration: job.metadata.generation, phase: "Running", message });
      }, 40);
      try {
        let slowestMs = 0;
        for (let save = 1; save <= saves; save++) {
          // Whenever: also in the middle of a write of ours, which come once a second.
          await systemClock.sleep(random() * 1_200);
          const startedMs = performance.now();
          await editor.save(saver.name, path, `edit${save - 1}"`, `edit${save}"`);
          const command = (): string | undefined =>
            home.store.get<Job>({ kind: "Job", name: "train" })?.spec.command?.[1];
          await until(() => command() === `edit${save}`, `${saver.name} of edit${save} is seen`, 10_000);
          slowestMs = Math.max(slowestMs, performance.now() - startedMs);
          expect(stripStatus(readFileSync(path, "utf8"))).toBe(text(`edit${save}`));
        }
        expect(slowestMs).toBeLessThan(2_000);
        const job = home.store.get<Job>({ kind: "Job", name: "train" });
        expect([job?.metadata.uid, job?.metadata.generation]).toEqual([uid, saves + 1]);
      } finally {
        clearInterval(controller);
      }
    },
    30_000 + saves * 3_000,
  );
});
