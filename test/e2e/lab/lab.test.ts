import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LabHouse } from "./house.ts";
import { type HouseOptions, Lab, whyNoLab } from "./lab.ts";
import type { NatKind } from "./nat.ts";
import { Talker } from "./talker.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: a lab of houses: ${refusal}\n`);

/** Of strangers who speak to a socket that has spoken to vivek's port 7000, who is heard. */
const kinds: readonly { kind: NatKind; mapping: "one" | "many"; heard: readonly string[] }[] = [
  { kind: "none", mapping: "one", heard: ["another host", "another port"] },
  { kind: "full-cone", mapping: "one", heard: ["another host", "another port"] },
  { kind: "restricted", mapping: "one", heard: ["another port"] },
  { kind: "cone", mapping: "one", heard: [] },
  { kind: "linux", mapping: "one", heard: [] },
  { kind: "symmetric", mapping: "many", heard: [] },
];

describe.skipIf(refusal !== undefined)("a lab of houses", () => {
  let lab: Lab;
  let [vivek, port, wilma]: Talker[] = [];
  const talkers = (): readonly [Talker, Talker, Talker] => {
    if (vivek === undefined || port === undefined || wilma === undefined) throw new Error("nobody is there");
    return [vivek, port, wilma];
  };
  /** A house with one machine that speaks. */
  const settle = async (options: HouseOptions): Promise<[Talker, LabHouse]> => {
    const house = await lab.addHouse(nextName("house"), options);
    return [await addTalker(house), house];
  };
  const addTalker = async (house: LabHouse): Promise<Talker> => Talker.open(await house.addHost(nextName("pc")));
  let names = 0;
  const nextName = (kind: string): string => `${kind}${(names += 1)}`;

  beforeAll(async () => {
    lab = await Lab.open();
    const one = await lab.addPublicHost("vivek");
    const other = await lab.addPublicHost("wilma");
    [vivek, port, wilma] = await Promise.all([Talker.open(one), Talker.open(one, 7001), Talker.open(other)]);
  });

  afterAll(() => lab.close());

  test.each(kinds)("$kind: $mapping outside port for two destinations; who else is heard: $heard", async (row) => {
    const [spokenTo, otherPort, otherHost] = talkers();
    const [friend, house] = await settle({ nat: row.kind });
    const seen = await friend.reach(spokenTo);
    expect(seen.address).toBe(row.kind === "none" ? friend.host.address : house.address);
    await otherHost.say("another host", seen);
    await otherPort.say("another port", seen);
    // Behind them by the same ways: whoever was heard at all has been heard now.
    const laterSeen = await friend.reach(otherHost);
    await otherHost.reach(friend, laterSeen);
    await otherPort.reach(friend, await friend.reach(otherPort));
    await spokenTo.reach(friend, seen);
    expect(friend.heard.toSorted()).toEqual(row.heard);
    expect(laterSeen.port === seen.port ? "one" : "many").toBe(row.mapping);
  });

  test("behind plain masquerading a port that another machine uses towards a destination is lost, for that destination", async () => {
    const [one, , other] = talkers();
    const [first, house] = await settle({ nat: "linux" });
    const second = await addTalker(house);
    expect((await first.reach(one)).port).toBe(first.port);
    expect((await second.reach(other)).port).toBe(second.port);
    expect((await second.reach(one)).port).not.toBe(second.port);
  });

  test("two machines with one port behind a cone keep a port each", async () => {
    const [one, , other] = talkers();
    const [first, house] = await settle({ nat: "cone" });
    const second = await addTalker(house);
    const [seenFirst, seenSecond] = [await first.reach(one), await second.reach(one)];
    expect(seenFirst.port).not.toBe(seenSecond.port);
    expect(await second.reach(other)).toEqual(seenSecond);
    expect(await first.reach(other)).toEqual(seenFirst);
  });

  test("the outside address of a house is not reached from inside, its machines reach each other", async () => {
    const [one] = talkers();
    const [first, house] = await settle({ nat: "full-cone" });
    const second = await addTalker(house);
    await second.say("by the outside", await first.reach(one));
    expect(await second.reach(first)).toEqual({ address: second.host.address, port: second.port });
    expect(first.heard).toEqual([]);
  });

  test("where UDP is blocked, TCP passes", async () => {
    const [one] = talkers();
    const [friend, house] = await settle({ nat: "udp-blocked" });
    await friend.say("nobody hears this", { address: one.host.address, port: one.port });
    expect(await friend.upload(10, one)).toBe(`10 bytes from ${house.address}`);
    expect(one.heard).toEqual([]);
  });

  test("a carrier's customers share its address and cannot meet inside; its own NAT counts too", async () => {
    const [one, , other] = talkers();
    const carrier = await lab.addCarrier(nextName("carrier"), "cone");
    const [first, house] = await settle({ nat: "cone", carrier });
    const [second, neighbour] = await settle({ nat: "full-cone", carrier });
    for (const { address } of [house, neighbour]) expect(address).toMatch(/^100\.64\./);
    const [seenFirst, seenSecond] = [await first.reach(one), await second.reach(one)];
    expect([seenFirst.address, seenSecond.address]).toEqual([carrier.address, carrier.address]);
    expect(await first.reach(other)).toEqual(seenFirst);
    await first.say("by the outside", seenSecond);
    await first.say("by the inside", { address: neighbour.address, port: seenSecond.port });
    await one.reach(second, seenSecond);
    expect(second.heard).toEqual([]);
    const [third] = await settle({ nat: "cone", carrier: await lab.addCarrier(nextName("carrier"), "symmetric") });
    expect((await third.reach(one)).port).not.toBe((await third.reach(other)).port);
  });

  test("a house has the address ranges of another", async () => {
    const [one] = talkers();
    const [first] = await settle({ nat: "cone" });
    const [second] = await settle({ nat: "cone" });
    expect(first.host.address).toBe(second.host.address);
    expect((await first.reach(one)).address).not.toBe((await second.reach(one)).address);
  });
});
