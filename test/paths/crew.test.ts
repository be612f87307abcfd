import { describe, expect, test } from "vitest";
import { friends, randomCrew, trio } from "./simulator/casts.ts";
import { disagreements, Pings, wrongWays } from "./simulator/checks.ts";
import { World } from "./simulator/world.ts";
import { seedsOf } from "../support/seeds.ts";

/** Every pair goes the best way there is, both sides say so, and packets get there. */
function expectSettled(world: World, withinMs: number): void {
  expect(world.within(withinMs, () => wrongWays(world))).toEqual([]);
  const pings = new Pings(world);
  world.run(3_000);
  expect(world.within(0, () => pings.silent())).toEqual([]);
  expect(world.within(0, () => disagreements(world))).toEqual([]);
}

describe("a crew that has just come together", { timeout: 60_000 }, () => {
  test.each(seedsOf(4, 10))("of five friends goes the best way there is within 10 s (seed %i)", (seed) => {
    expectSettled(friends(seed).world, 10_000);
  });

  test.each(seedsOf(3, 5))("of two in one house goes over their LAN (seed %i)", (seed) => {
    const world = new World(seed);
    const house = world.addHouse("cone");
    const [anna, bert] = [world.addAt(house, "anna"), world.addAt(house, "bert")];
    world.addPublic("vivek", { canRelay: true });
    world.begin();
    expectSettled(world, 10_000);
    expect([anna.view(bert.node), bert.view(anna.node)]).toEqual(["lan", "lan"]);
  });

  test.each(seedsOf(3, 5))("of two in one house, and nobody else, goes over their LAN (seed %i)", (seed) => {
    const world = new World(seed);
    const house = world.addHouse("symmetric");
    const [anna, bert] = [world.addAt(house, "anna"), world.addAt(house, "bert")];
    world.begin();
    expectSettled(world, 10_000);
    expect([anna.view(bert.node), bert.view(anna.node)]).toEqual(["lan", "lan"]);
  });

  test.each(seedsOf(3, 5))("of two with the same addresses in different houses goes straight (seed %i)", (seed) => {
    const world = new World(seed);
    for (const name of ["anna", "bert"]) world.addAt(world.addHouse("cone", { network: "192.168.1" }), name);
    world.addPublic("vivek", { canRelay: true });
    world.begin();
    expectSettled(world, 10_000);
  });

  test.each([
    ["full-cone", "full-cone"],
    ["full-cone", "symmetric"],
    ["restricted", "symmetric"],
    ["restricted", "cone"],
    ["symmetric", "symmetric"],
    ["symmetric", "cone"],
  ] as const)("of two behind %s and %s, and a public one", (...kinds) => {
    for (const seed of seedsOf(4)) expectSettled(trio(seed, kinds).world, 10_000);
  });

  test.each(seedsOf(4))("with people behind carriers (seed %i)", (seed) => {
    const world = new World(seed);
    const [soft, hard] = [world.addHouse("cone"), world.addHouse("symmetric")];
    world.addPublic("vivek", { canRelay: true });
    world.addAt(world.addHouse("cone", { carrier: soft }), "anna");
    world.addAt(world.addHouse("cone", { carrier: soft }), "bert");
    world.addAt(world.addHouse("full-cone", { carrier: hard }), "carl");
    world.addAt(world.addHouse("cone"), "dora");
    world.begin();
    expectSettled(world, 10_000);
  });

  test.each(seedsOf(8, 20))("of any kind (seed %i)", (seed) => {
    expectSettled(randomCrew(seed), 10_000);
  });

  test.each(seedsOf(3, 6))("agrees in the end though a fifth of all messages and packets is lost (seed %i)", (seed) => {
    const world = randomCrew(seed);
    world.messageLoss = 0.2;
    world.internet.loss = 0.05;
    world.run(30_000);
    world.internet.loss = 0;
    expect(world.within(60_000, () => [...wrongWays(world), ...disagreements(world)])).toEqual([]);
  });
});

describe("a crew that has settled", () => {
  test.each(seedsOf(3))("says nothing and changes nothing, where all go straight (seed %i)", (seed) => {
    const world = new World(seed);
    world.addPublic("vivek", { canRelay: true });
    for (const name of ["anna", "bert", "carl"]) world.addAt(world.addHouse("cone"), name);
    world.begin();
    expect(world.within(10_000, () => wrongWays(world))).toEqual([]);
    world.run(30_000);
    Object.assign(world.count, { said: 0, changes: 0, renewals: 0 });
    world.run(300_000);
    expect(world.count).toEqual({ said: 0, changes: 0, renewals: 0 });
    expect(world.within(0, () => wrongWays(world))).toEqual([]);
  });

  test.each(seedsOf(3))("only tries again once a minute what does not work (seed %i)", (seed) => {
    const { world } = friends(seed);
    world.run(120_000);
    Object.assign(world.count, { said: 0, changes: 0, renewals: 0 });
    world.run(300_000);
    // Five pairs do not get through: six rounds of at most three ways, each said and answered.
    expect(world.count.said).toBeLessThan(6 * 5 * 3 * 4);
    expect(world.count.renewals).toBeLessThan(6 * 5 * 3 * 8);
    expect(world.within(0, () => wrongWays(world))).toEqual([]);
  });
});
