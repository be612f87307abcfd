import { describe, expect, test } from "vitest";
import { friends, trio } from "./simulator/casts.ts";
import { disagreements, Pings, wrongWays } from "./simulator/checks.ts";
import { roam } from "./simulator/deeds.ts";
import type { World } from "./simulator/world.ts";
import { seedsOf } from "../support/seeds.ts";

/** Settles, and has had packets going to and fro for a while. */
function settle(world: World, forMs = 20_000): Pings {
  const pings = new Pings(world);
  expect(world.within(20_000, () => [...wrongWays(world), ...pings.silent()])).toEqual([]);
  world.run(forMs + world.random() * 10_000);
  return pings;
}

describe("packets pass again", () => {
  test.each(seedsOf(6))(
    "within 15 s after two in one house are in two, and over LAN when they are back (seed %i)",
    (seed) => {
      const { world, anna, bert, houses } = trio(seed, ["cone", "cone"]);
      const pings = settle(world);
      roam(world, bert, houses[0]);
      world.run(1_000);
      expect(world.within(14_000, () => pings.silent())).toEqual([]);
      expect(world.within(15_000, () => wrongWays(world))).toEqual([]);
      expect(anna.view(bert.node)).toBe("lan");
      roam(world, bert, houses[1]);
      world.run(1_000);
      expect(world.within(14_000, () => pings.silent())).toEqual([]);
      expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
    },
  );
});

describe("a machine that is where no UDP gets out", () => {
  test.each(seedsOf(4))("is reached by nobody, and all say so (seed %i)", (seed) => {
    const { world, raj } = friends(seed);
    settle(world);
    roam(world, raj, world.addHouse("udp-blocked"));
    world.run(5_000);
    expect(world.within(60_000, () => wrongWays(world))).toEqual([]);
  });
});
