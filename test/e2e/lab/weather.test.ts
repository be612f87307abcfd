import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Site } from "./crossing.ts";
import type { LabHost } from "./host.ts";
import type { LabHouse } from "./house.ts";
import { Lab, whyNoLab } from "./lab.ts";
import type { LanHost } from "./lan-host.ts";
import type { PublicHost } from "./public-host.ts";
import { Talker } from "./talker.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);

/** How many of so many pings come back, and how long the quickest took. */
async function ping(from: LabHost, to: string, count = 1): Promise<{ back: number; quickestMs: number }> {
  // It fails when nothing comes back: then the words are in the error.
  const words = await from.run("ping", "-c", String(count), "-i", "0.005", "-W", "1", to).catch(String);
  const [, back = "0"] = /, (\d+) received/.exec(words) ?? [];
  const [, quickest = "NaN"] = /= ([\d.]+)\//.exec(words) ?? [];
  return { back: Number(back), quickestMs: Number(quickest) };
}

describe.skipIf(refusal !== undefined)("weather in a lab", () => {
  let lab: Lab;
  let [vivek, wilma]: PublicHost[] = [];
  let [house, other]: LabHouse[] = [];
  let [raj, priya]: LanHost[] = [];
  const everybody = () => {
    const all = { vivek, wilma, house, other, raj, priya };
    return all as { [Name in keyof typeof all]: NonNullable<(typeof all)[Name]> };
  };

  beforeEach(async () => {
    lab = await Lab.open();
    [vivek, wilma] = [await lab.addPublicHost("vivek"), await lab.addPublicHost("wilma")];
    [house, other] = [await lab.addHouse("house", { nat: "cone" }), await lab.addHouse("other", { nat: "cone" })];
    [raj, priya] = [await house.addHost("raj"), await other.addHost("priya")];
  });

  afterEach(() => lab.close());

  test("delay holds every packet, both ways, and bytes stay whole", async () => {
    const { vivek, house, raj } = everybody();
    await lab.setWire(house, { delayMs: 50 });
    expect((await ping(raj, vivek.address, 3)).quickestMs).toBeGreaterThanOrEqual(100);
    await lab.setWire(vivek, { delayMs: 20 });
    expect((await ping(raj, vivek.address, 3)).quickestMs).toBeGreaterThanOrEqual(140);
    const [here, there] = [await Talker.open(raj), await Talker.open(vivek)];
    expect(await here.upload(3_000_000, there)).toBe(`3000000 bytes from ${house.address}`);
    for (const site of [house, vivek]) await lab.setWire(site, { delayMs: 0 });
    expect((await ping(raj, vivek.address, 10)).quickestMs).toBeLessThan(100);
  });

  test("a wire that is said to lose packets loses some and not all, one that loses everything is dead", async () => {
    const { vivek, wilma, house, raj } = everybody();
    await lab.setWire(house, { loss: 0.3 });
    const { back } = await ping(raj, vivek.address, 200);
    expect(back).toBeGreaterThan(20);
    expect(back).toBeLessThan(180);
    expect((await ping(wilma, vivek.address, 50)).back).toBe(50);
    await lab.setWire(house, { loss: 1 });
    expect((await ping(raj, vivek.address)).back).toBe(0);
    await lab.setWire(house, { loss: 0 });
    expect((await ping(raj, vivek.address, 50)).back).toBe(50);
  });

  test("a slow wire takes the time for its bytes", async () => {
    const { vivek, other, priya } = everybody();
    await lab.setWire(other, { mbit: 16 });
    const [here, there] = [await Talker.open(priya), await Talker.open(vivek)];
    const startedMs = performance.now();
    await here.upload(2_000_000, there);
    // 2 MB at 2 MB/s; what the bucket lets pass at once is a fraction of that.
    expect(performance.now() - startedMs).toBeGreaterThan(500);
  });

  test("a partition parts two sites and nobody else, until it is healed", async () => {
    const { vivek, wilma, house, raj, priya } = everybody();
    await lab.partition(house, vivek);
    expect((await ping(raj, vivek.address)).back).toBe(0);
    expect((await ping(raj, wilma.address)).back).toBe(1);
    expect((await ping(priya, vivek.address)).back).toBe(1);
    await lab.heal(house, vivek);
    expect((await ping(raj, vivek.address)).back).toBe(1);
  });

  test("a customer of a carrier is parted from a site, the other customers are not", async () => {
    const { vivek } = everybody();
    const carrier = await lab.addCarrier("carrier", "cone");
    const [one, two] = [
      await lab.addHouse("one", { nat: "cone", carrier }),
      await lab.addHouse("two", { nat: "cone", carrier }),
    ];
    const [first, second] = [await one.addHost("first"), await two.addHost("second")];
    const reach = async (): Promise<readonly number[]> => [
      (await ping(first, vivek.address)).back,
      (await ping(second, vivek.address)).back,
    ];
    const pairs: readonly (readonly [Site, Site])[] = [
      [vivek, one],
      [one, vivek],
    ];
    for (const [mine, far] of pairs) {
      await lab.partition(mine, far);
      expect(await reach()).toEqual([0, 1]);
      await lab.heal(mine, far);
      expect(await reach()).toEqual([1, 1]);
    }
  });

  test("a machine without its cable reaches nobody, and with it everybody", async () => {
    const { vivek, wilma, raj } = everybody();
    await lab.setWire(wilma, { delayMs: 1 });
    for (const [host, to] of [
      [raj, vivek.address],
      [wilma, vivek.address],
    ] as const) {
      await host.setCable("down");
      expect((await ping(host, to)).back).toBe(0);
      await host.setCable("up");
      expect((await ping(host, to)).back).toBe(1);
    }
  });

  test("a laptop that is carried to another house keeps its interface and gets the address of that house", async () => {
    const { vivek, house, other, raj } = everybody();
    const index = async (): Promise<unknown> =>
      (JSON.parse(await raj.run("ip", "-json", "link", "show", "eth0")) as { ifindex: number }[])[0]?.ifindex;
    const [before, there] = [await index(), await Talker.open(vivek)];
    const here = await Talker.open(raj);
    expect((await here.reach(there)).address).toBe(house.address);
    await raj.roam(other);
    expect((await here.reach(there)).address).toBe(other.address);
    expect(await index()).toBe(before);
    await raj.roam(house);
    expect((await here.reach(there)).address).toBe(house.address);
  });

  test("a router that reboots forgets its mappings, and may come back with another address", async () => {
    const { vivek, house, raj } = everybody();
    const [here, there] = [await Talker.open(raj), await Talker.open(vivek)];
    const seen = await here.reach(there);
    await lab.reboot(house);
    await there.say("to the old mapping", seen);
    const again = await here.reach(there);
    await there.reach(here, again);
    expect(here.heard).toEqual([]);
    expect(again.address).toBe(seen.address);
    await lab.setWire(house, { delayMs: 10 });
    await lab.reboot(house, { newAddress: true });
    const moved = await here.reach(there);
    expect(moved.address).toBe(house.address);
    expect(moved.address).not.toBe(seen.address);
    await there.say("to the old address", again);
    await there.reach(here, moved);
    expect(here.heard).toEqual([]);
    expect((await ping(raj, vivek.address)).quickestMs).toBeGreaterThanOrEqual(20);
  });
});
