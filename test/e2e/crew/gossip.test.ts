import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { House } from "./house.ts";
import { Lan, whyNoLan } from "./lan.ts";
import { promised } from "../../support/promised.ts";

const refusal = await whyNoLan();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: gossip: ${refusal}\n`);

/** Nobody hears a broadcast: what is known of others came over a link. */
const config = { group_secret: "a secret of three", discovery_port: 0 };
const patience = promised(10_000);

describe.skipIf(refusal !== undefined)("three machines, of which two were told only of the one between", () => {
  const lan = new Lan("gossip");
  const houses: House[] = [];
  const build = (name: string, namespace: string): House => {
    const house = new House(name, config, namespace);
    houses.push(house);
    return house;
  };
  const known = (name: string): House => {
    const house = houses.find((each) => each.name === name);
    if (house === undefined) throw new Error("beforeAll has not built this house");
    return house;
  };

  beforeAll(async () => {
    await lan.open();
    build("alice", await lan.addHost("alice", "10.77.0.1"));
    build("bob", await lan.addHost("bob", "10.77.0.2"));
    build("carol", await lan.addFarHost("carol", "10.78.0.3"));
    await Promise.all(houses.map((house) => house.up()));
  });

  afterAll(async () => {
    for (const house of houses) await house.close();
    await lan.close();
  });

  test("alice hears of carol through bob, dials her and sees her Online", async () => {
    await known("alice").ok(["add", "10.77.0.2"]);
    await expect.poll(() => known("alice").phaseOf("bob"), patience).toBe("Online");
    expect((await known("alice").peers()).map(({ status }) => status?.name)).toEqual(["bob"]);
    await known("carol").ok(["add", "10.77.0.2"]);
    await expect.poll(() => known("alice").phaseOf("carol"), patience).toBe("Online");
    await expect.poll(() => known("carol").phaseOf("alice"), patience).toBe("Online");
    const [carol, alice] = [await known("alice").peer("carol"), await known("carol").peer("alice")];
    expect(carol?.status).toMatchObject({ path: { kind: "direct", via: "10.78.0.3:5556" } });
    const writers = [carol, alice].map((peer) => peer?.metadata.annotations?.["homie.dev/managed-by"]);
    // Whichever end dials first; the other one may meet it before it is told of.
    expect(writers).toContain("gossip");
    const whoami = JSON.parse(await known("carol").ok(["whoami", "-o", "json"])) as { node: string };
    expect(carol?.status?.node).toBe(whoami.node);
  });

  test("one who has another secret is told of to nobody", async () => {
    const namespace = await lan.addHost("mallory", "10.77.0.66");
    const mallory = new House("mallory", { ...config, group_secret: "another" }, namespace);
    houses.push(mallory);
    await mallory.up();
    await mallory.ok(["add", "10.77.0.2"]);
    await expect.poll(() => mallory.phaseOf("10-77-0-2"), patience).toBe("Untrusted");
    const names = (await known("alice").peers()).map(({ status }) => status?.name);
    expect(new Set(names)).toEqual(new Set(["bob", "carol"]));
  });

  test("when the one between is gone, the two keep each other", async () => {
    await known("bob").ok(["down"]);
    await expect.poll(() => known("alice").phaseOf("bob"), patience).toBe("Offline");
    expect(await known("alice").phaseOf("carol")).toBe("Online");
  });
});
