import { describe, expect, test } from "vitest";
import { friends, randomCrew, trio } from "./simulator/casts.ts";
import { disagreements, Pings, wrongWays } from "./simulator/checks.ts";
import { heal, partition, reboot, renumber, restartDaemon, roam } from "./simulator/deeds.ts";
import type { World } from "./simulator/world.ts";

const first = Number(process.env["HOMIE_FIRST_SEED"] ?? 1);
const seedsOf = (count: number): readonly number[] =>
  Array.from({ length: Number(process.env["HOMIE_SEEDS"] ?? count) }, (_, index) => first + index);

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

describe("after any troubles", () => {
  test.each(seedsOf(20))("both sides of every pair agree, on the best way there is (seed %i)", (seed) => {
    const world = randomCrew(seed, 8);
    const pings = new Pings(world, 1_000);
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(world.random() * list.length)];
    const deeds = [
      (): void => {
        const machine = pick(world.machines.filter(({ isUp }) => isUp));
        if (machine !== undefined) restartDaemon(world, machine, 500 + world.random() * 2_000);
      },
      (): void => {
        const machine = pick(world.machines.filter(({ host }) => host.routers.length > 0));
        const router = pick(world.routers.filter((each) => world.isHouse(each)));
        if (machine !== undefined && router !== undefined) roam(world, machine, router);
      },
      (): void => {
        const router = pick(world.routers);
        if (router !== undefined)
          reboot(world, router, { forMs: world.random() * 5_000, newAddress: world.random() < 0.5 });
      },
      (): void =>
        partition(
          world,
          world.machines.filter(() => world.random() < 0.3),
        ),
      (): void => heal(world),
      (): void => {
        const machine = pick(world.machines.filter(({ host }) => host.routers.length === 0));
        if (machine !== undefined) renumber(world, machine);
      },
    ];
    for (let deed = 0; deed < 12; deed += 1) {
      pick(deeds)?.();
      world.run(3_000 + world.random() * 8_000);
    }
    heal(world);
    world.run(6_000);
    expect(
      world.within(60_000, () => [
        ...wrongWays(world, { ofThoseWithAWay: true }),
        ...disagreements(world),
        ...pings.silent(2_500),
      ]),
    ).toEqual([]);
  });
});
