import { describe, expect, test } from "vitest";
import { friends, trio, type Trio } from "./simulator/casts.ts";
import { disagreements, Pings, wrongWays } from "./simulator/checks.ts";
import {
  heal,
  kill,
  mend,
  partition,
  reboot,
  renumber,
  restartDaemon,
  revive,
  roam,
  sever,
} from "./simulator/deeds.ts";
import type { World } from "./simulator/world.ts";
import { seedsOf } from "../support/seeds.ts";

/** Settles, and has had packets going to and fro for a while. */
function settle(world: World, forMs = 20_000): Pings {
  const pings = new Pings(world);
  expect(world.within(20_000, () => [...wrongWays(world), ...pings.silent()])).toEqual([]);
  world.run(forMs + world.random() * 10_000);
  return pings;
}

function relayed(seed: number, hasSecond = false): Trio & { readonly pings: Pings } {
  const cast = trio(seed, ["symmetric", "cone"], hasSecond);
  return { ...cast, pings: settle(cast.world) };
}

describe("a relay", () => {
  test.each(seedsOf(3, 6))("that dies is replaced by another within 15 s (seed %i)", (seed) => {
    const { world, anna, bert, pings } = relayed(seed, true);
    const via = world.machines.find(({ node }) => node === anna.route(bert.node));
    if (via === undefined) throw new Error("nobody relays");
    kill(world, via);
    world.run(500);
    expect(world.within(14_500, () => pings.silent())).toEqual([]);
    expect(world.within(5_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });

  test.each(seedsOf(3, 6))("that was the only one is used again when it is back (seed %i)", (seed) => {
    const { world, relay, pings } = relayed(seed);
    kill(world, relay);
    world.run(40_000);
    revive(relay);
    expect(world.within(15_000, () => pings.silent())).toEqual([]);
    expect(world.within(5_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });

  test.each(seedsOf(3, 6))("is left within 10 s when a direct way opens (seed %i)", (seed) => {
    const { world, anna, houses } = relayed(seed);
    const better = world.addHouse("cone");
    // Up to a second of it goes by before the daemon sees that it was carried away.
    roam(world, anna, better);
    expect(houses[0].kind).toBe("symmetric");
    expect(world.within(11_000, () => wrongWays(world))).toEqual([]);
  });

  test.each(seedsOf(3, 6))("dies, and those who were punched through it notice nothing (seed %i)", (seed) => {
    const { world, relay, anna, bert } = trio(seed, ["cone", "cone"]);
    const pings = settle(world);
    pings.reset();
    kill(world, relay);
    world.run(60_000);
    expect(world.within(0, () => pings.silent())).toEqual([]);
    expect(pings.worstMs([anna, bert])).toBeLessThan(2_000);
  });
});

describe("packets pass again", () => {
  test.each(seedsOf(3, 8))("within 15 s after a laptop was carried to another house (seed %i)", (seed) => {
    const { world, raj } = friends(seed);
    const pings = settle(world);
    roam(world, raj, world.addHouse("cone"));
    world.run(1_000);
    expect(world.within(14_000, () => pings.silent())).toEqual([]);
    expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });

  test.each(seedsOf(3, 8))("within 15 s after a router got another address (seed %i)", (seed) => {
    const { world, alex, priya } = friends(seed);
    const pings = settle(world);
    const [router] = (seed % 2 === 0 ? alex : priya).host.routers;
    if (router === undefined) throw new Error("no router");
    reboot(world, router, { forMs: 2_000, newAddress: true });
    world.run(2_000);
    expect(world.within(15_000, () => pings.silent())).toEqual([]);
    expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });

  test.each(seedsOf(3, 8))("within 15 s after the public one got another address and said so (seed %i)", (seed) => {
    const { world, relay, pings } = relayed(seed, true);
    renumber(world, relay);
    world.run(1_000);
    expect(world.within(14_000, () => pings.silent())).toEqual([]);
    expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });

  test.each(seedsOf(3, 8))("within 15 s after a router has started again (seed %i)", (seed) => {
    const { world, priya } = friends(seed);
    const pings = settle(world);
    const [router] = priya.host.routers;
    if (router === undefined) throw new Error("no router");
    reboot(world, router, { forMs: 4_000 });
    world.run(4_000);
    expect(world.within(15_000, () => pings.silent())).toEqual([]);
    expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });

  test.each(seedsOf(3, 8))(
    "within 15 s through a third where two are cut off, and straight after it (seed %i)",
    (seed) => {
      const { world, raj, priya } = friends(seed);
      const pings = settle(world);
      const complaints = (): readonly string[] => [...wrongWays(world), ...disagreements(world), ...pings.silent()];
      sever(world, raj, priya);
      expect(world.within(15_000, complaints)).toEqual([]);
      world.run(world.random() * 60_000);
      mend(world, raj, priya);
      expect(world.within(15_000, complaints)).toEqual([]);
    },
  );

  test.each(seedsOf(3, 6))("within 15 s after a partition of a minute (seed %i)", (seed) => {
    const { world, raj, alex } = friends(seed);
    const pings = settle(world);
    partition(world, [raj, alex]);
    world.run(60_000);
    heal(world);
    world.run(1_000);
    expect(world.within(14_000, () => pings.silent())).toEqual([]);
    expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });
});

describe("a daemon that starts again over the same WireGuard", () => {
  test.each(seedsOf(4, 10))("interrupts nobody for more than 3 s (seed %i)", (seed) => {
    const { world, vivek, raj, priya, alex } = friends(seed);
    const pings = settle(world);
    const machine = [vivek, raj, priya, alex][seed % 4] ?? raj;
    pings.reset();
    restartDaemon(world, machine);
    world.run(60_000);
    const four = [vivek, raj, priya, alex];
    const worst = four
      .flatMap((one, index) => four.slice(index + 1).map((other) => [one, other] as const))
      .map((pair) => [pair.map(({ name }) => name).join(" "), pings.worstMs(pair)] as const)
      .filter(([, ms]) => ms > 3_000);
    expect(world.within(0, () => worst.map(([pair, ms]) => `${pair}: ${Math.round(ms)} ms`))).toEqual([]);
    expect(world.within(15_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });
});
