import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Friends, openFriends } from "../lab/cast.ts";
import type { LabHost } from "../lab/host.ts";
import { whyNoLab } from "../lab/lab.ts";
import type { LanHost } from "../lab/lan-host.ts";
import type { PublicHost } from "../lab/public-host.ts";
import { admit, connectionOf, peerOf, reaches, statusOf, SteadyPing } from "./natted-crew.ts";
import { SteadyStream } from "./steady-stream.ts";
import { promised } from "../../support/promised.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);

const config = { heartbeat_interval: 0.4, peer_timeout: 6 };
const soon = promised(10_000);
const wait = promised(15_000);

describe.skipIf(refusal !== undefined)("a mesh that changes", () => {
  let friends: Friends;
  let wilma: PublicHost;
  const at = (name: string): LabHost => friends.lab.host(name);
  const ipOf = async (name: string): Promise<string> => (await statusOf(at(name))).you.ip;
  const isReached = (from: string, address: string) => (): Promise<boolean> => reaches(at(from), address);

  beforeAll(async () => {
    friends = await openFriends(config);
    wilma = await friends.lab.addPublicHost("wilma", config);
    const members = ["vivek", "wilma", "raj", "priya", "alex"];
    await Promise.all(members.map((name) => at(name).up()));
    await at("vivek").cli.ok(["network", "create", "homelab"]);
    for (const name of members.slice(1)) await admit(at("vivek"), at(name));
  });

  afterAll(() => friends.lab.close());

  test("behind two routers members meet directly or through a third", async () => {
    await expect.poll(() => connectionOf(at("raj"), "priya"), wait).toBe("punched");
    await expect.poll(() => connectionOf(at("raj"), "alex"), wait).toMatch(/^relay via /);
  });

  test("a direct path that is cut is replaced by a relay, and comes back when it is healed", async () => {
    const { lab, houses } = friends;
    const priya = await ipOf("priya");
    await lab.partition(houses.raj, houses.priya);
    await expect.poll(isReached("raj", priya), wait).toBe(true);
    await expect.poll(() => connectionOf(at("raj"), "priya"), wait).toMatch(/^relay via /);
    await lab.heal(houses.raj, houses.priya);
    await expect.poll(() => connectionOf(at("raj"), "priya"), wait).toBe("punched");
    // The other side may be about to change over: one packet may still be lost.
    await expect.poll(isReached("raj", priya), wait).toBe(true);
  });

  test("when the relay dies, another takes over", async () => {
    const alex = await ipOf("alex");
    const relay = (await peerOf(at("raj"), "alex"))?.via ?? "";
    const other = relay === "vivek" ? "wilma" : "vivek";
    await at(relay).crash();
    await expect.poll(isReached("raj", alex), wait).toBe(true);
    await expect.poll(() => connectionOf(at("raj"), "alex"), wait).toBe(`relay via ${other}`);
    await at(relay).powerOn();
    await at(relay).up();
    await expect.poll(() => connectionOf(at("raj"), relay), wait).toBe("direct");
  });

  test("a laptop that is carried to another house is reached again", async () => {
    const { lab } = friends;
    const cafe = await lab.addHouse("cafe", { nat: "cone", lan: "10.20.30" });
    const [raj, priya] = [await ipOf("raj"), await ipOf("priya")];
    await (at("raj") as LanHost).roam(cafe);
    await expect.poll(isReached("raj", priya), wait).toBe(true);
    await expect.poll(isReached("priya", raj), wait).toBe(true);
    await expect.poll(() => connectionOf(at("priya"), "raj"), wait).toBe("punched");
  });

  test("a router that comes back with another address costs no more than a moment", async () => {
    const raj = await ipOf("raj");
    await friends.lab.reboot(friends.houses.priya, { newAddress: true });
    await expect.poll(isReached("priya", raj), wait).toBe(true);
    await expect.poll(isReached("raj", await ipOf("priya")), wait).toBe(true);
  });

  test("two machines in one house use its LAN", async () => {
    const guest = await friends.houses.priya.addHost("guest", config);
    await guest.up();
    await admit(at("raj"), guest);
    await expect.poll(() => connectionOf(guest, "priya"), soon).toBe("lan");
  });

  test("a daemon that is killed and started again drops no packet of a tunnel", async () => {
    const ping = new SteadyPing(at("raj"), await ipOf("vivek"));
    at("raj").cli.kill();
    await at("raj").up();
    await expect.poll(() => connectionOf(at("raj"), "vivek"), wait).toBe("direct");
    const { received, lost } = await ping.stop();
    expect(received).toBeGreaterThan(50);
    expect(lost).toBe(0);
  });

  test("homie down takes the interface away, and homie up brings it back", async () => {
    const links = (): Promise<string> => at("raj").run("ip", "-br", "link");
    await at("raj").down();
    expect(await links()).not.toContain("homie0");
    expect(await at("raj").run("nft", "list", "ruleset")).not.toContain("homie");
    await at("raj").up();
    await expect.poll(() => connectionOf(at("raj"), "vivek"), wait).toBe("direct");
    expect(await links()).toContain("homie0");
  });

  test("ten joins and leaves drop no packet of a tunnel", { timeout: 240_000 }, async () => {
    const nina = await friends.lab.addPublicHost("nina", config);
    await nina.up();
    const ping = new SteadyPing(at("raj"), await ipOf("vivek"));
    for (let count = 0; count < 10; count += 1) {
      await admit(at("vivek"), nina);
      await expect.poll(() => connectionOf(at("raj"), "nina"), wait).toBe("direct");
      await nina.cli.ok(["network", "leave", "--yes"]);
      // Its keys are spent: the daemon makes others when it starts.
      expect((await nina.homie(["network", "join", "--request-only"])).stderr).toMatch(/homie up/);
      await nina.down();
      await nina.up();
    }
    const { received, lost } = await ping.stop();
    expect(received).toBeGreaterThan(100);
    expect(lost).toBe(0);
  });

  test("two halves that each let somebody in under one name have no name or address twice when they meet", async () => {
    const { lab, vivek, houses } = friends;
    const [lea, rob] = [await lab.addPublicHost("lea", config), await lab.addPublicHost("rob", config)];
    const left = [vivek, houses.raj, lea];
    const right = [wilma, houses.priya, houses.alex, rob];
    const between = left.flatMap((one) => right.map((other) => [one, other] as const));
    for (const [one, other] of between) await lab.partition(one, other);
    await Promise.all([lea.up(), rob.up()]);
    await Promise.all([admit(vivek, lea, "twin"), admit(wilma, rob, "twin")]);
    const before = await Promise.all([lea, rob].map(async (host) => (await statusOf(host)).you.ipv6));
    // Who is renamed or gets another address keeps its IPv6 address, and so do transfers.
    const streams = await Promise.all([
      SteadyStream.open(vivek, lea, before[0] ?? ""),
      SteadyStream.open(rob, wilma, (await statusOf(wilma)).you.ipv6),
    ]);
    for (const [one, other] of between) await lab.heal(one, other);
    for (const [host, other] of [
      [lea, rob],
      [rob, lea],
    ] as const) {
      const { node } = (await statusOf(other)).you;
      await expect.poll(async () => (await statusOf(host)).peers.some((peer) => peer.node === node), soon).toBe(true);
    }
    const look = async (of: "name" | "ip"): Promise<number> => {
      const { you, peers } = await statusOf(vivek);
      const all = [you, ...peers].map((member) => member[of]);
      return all.length - new Set(all).size;
    };
    for (const of of ["name", "ip"] as const) await expect.poll(() => look(of), soon).toBe(0);
    const after = await Promise.all([lea, rob].map(async (host) => (await statusOf(host)).you.ipv6));
    expect(after).toEqual(before);
    await expect.poll(() => reaches(lea, after[1] ?? ""), wait).toBe(true);
    for (const stream of streams) {
      const { given, taken } = await stream.stop();
      expect(given).toMatch(/^\d{6,} /);
      expect(taken).toBe(given);
    }
  });

  test("homie0.conf is a file of wg-quick", async () => {
    const { directory } = at("raj");
    expect(await at("raj").run("wg-quick", "strip", `${directory}/wireguard/homie0.conf`)).toContain("[Peer]");
  });

  test("who is revoked is cut off, and does not come back", async () => {
    const alex = await ipOf("alex");
    await at("vivek").cli.ok(["network", "revoke", "alex", "--yes"]);
    for (const name of ["vivek", "raj", "priya"]) {
      await expect.poll(isReached(name, alex), soon).toBe(false);
      await expect.poll(async () => (await peerOf(at(name), "alex"))?.status ?? "Revoked", soon).toBe("Revoked");
    }
    await expect
      .poll(async () => (await statusOf(at("alex"))).you.removed, soon)
      .toEqual({ how: "Revoked", by: "vivek" });
    await at("alex").crash();
    await at("alex").powerOn();
    await at("alex").up();
    expect(await reaches(at("alex"), await ipOf("vivek"))).toBe(false);
  });

  test("who leaves has nothing of the network left, however long it takes to take the interface away", async () => {
    const slow = 'case "$*" in *"link delete"*) sleep 2 ;; esac\nexec "$(command -v -p ip)" "$@"';
    at("priya").install("ip", `#!/bin/sh\n${slow}\n`);
    await at("priya").cli.ok(["network", "leave", "--yes"]);
    expect(await at("priya").run("ip", "-br", "link")).not.toContain("homie0");
    expect((await at("priya").homie(["network", "status"])).code).not.toBe(0);
    await expect.poll(() => peerOf(at("raj"), "priya"), soon).toBe(undefined);
  });

  test("a member that was away learns what it missed", async () => {
    await wilma.crash();
    const otto = await friends.lab.addPublicHost("otto", config);
    await otto.up();
    await admit(at("raj"), otto);
    await wilma.powerOn();
    await wilma.up();
    await expect.poll(() => connectionOf(wilma, "otto"), wait).toBe("direct");
  });

  test("a leave whose daemon is killed on the way is through at the next start", async () => {
    const { cli } = at("raj");
    const leaving = cli.run(["network", "leave", "--yes"]);
    await expect.poll(() => existsSync(join(cli.home, "network", "identity.spent"))).toBe(true);
    cli.kill();
    expect((await leaving).code).not.toBe(0);
    await at("raj").up();
    expect((await at("raj").homie(["network", "status"])).stderr).toContain("this machine is in no network");
    await expect.poll(() => at("raj").run("ip", "-br", "link"), soon).not.toContain("homie0");
    await expect.poll(() => cli.ok(["get", "networks", "-o", "name"]), soon).toBe("");
    // Under its new keys it may come again.
    await admit(at("vivek"), at("raj"));
    await expect.poll(() => connectionOf(at("raj"), "wilma"), wait).not.toBe("none");
  });
});
