import { describe, expect, test } from "vitest";
import { randomCrew } from "./simulator/casts.ts";
import { disagreements, Pings, wrongWays } from "./simulator/checks.ts";
import { heal, partition, reboot, renumber, restartDaemon, roam } from "./simulator/deeds.ts";
import { seedsOf } from "../support/seeds.ts";

// A seed takes up to five seconds alone, and more where other programs want the processor too.
describe("after any troubles", { timeout: 60_000 }, () => {
  test.each(seedsOf(3, 10))("both sides of every pair agree, on the best way there is (seed %i)", (seed) => {
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
