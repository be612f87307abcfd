import { describe, expect, it } from "vitest";
import { simulate } from "./simulation/simulate.ts";
import { seedsOf } from "../support/seeds.ts";

describe("one machine in a bad half minute", () => {
  it.each(seedsOf(40))("keeps its promises (seed %i)", async (seed) => {
    const outcome = await simulate(seed);
    if (process.env["HOMIE_VERBOSE"]) console.log(JSON.stringify(outcome));
    expect(outcome.starts).toBeGreaterThan(0);
  });

  it.each([1, 2, 3])("does the same again from the same seed (%i)", async (seed) => {
    expect(await simulate(seed)).toEqual(await simulate(seed));
  });
});
