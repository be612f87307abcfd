import { describe, expect, it } from "vitest";
import { simulate } from "../../crew/simulation/simulate.ts";

/** HOMIE_SEEDS=10000 for a night; each test names the seed that failed, HOMIE_FIRST_SEED=that HOMIE_SEEDS=1 repeats it. */
const seeds = Number(process.env["HOMIE_SEEDS"] ?? 500);
const first = Number(process.env["HOMIE_FIRST_SEED"] ?? 1);
const perTest = 50;
const blocks = Array.from({ length: Math.ceil(seeds / perTest) }, (_, index) => first + index * perTest);

describe("one machine in many bad half minutes", () => {
  it.each(blocks)("keeps its promises in the seeds from %i on", async (start) => {
    const end = Math.min(start + perTest, first + seeds);
    for (let seed = start; seed < end; seed++) {
      const { restedAfterMs } = await simulate(seed);
      // A minute for what nobody claims any more (I7); everything else is true long before.
      expect(restedAfterMs, `seed ${seed}`).toBeLessThanOrEqual(60_000);
    }
  });
});
