import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Friends, openFriends } from "../lab/cast.ts";
import type { LabHost } from "../lab/host.ts";
import { whyNoLab } from "../lab/lab.ts";
import { admit, connectionOf, peerOf, reaches, statusOf } from "./natted-crew.ts";
import { promised } from "../../support/promised.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: a crew behind NATs: ${refusal}\n`);

const config = { heartbeat_interval: 0.4, peer_timeout: 6 };
/** The longest that a pair may take from when it is needed. */
const wait = promised(10_000);
const names = ["vivek", "raj", "priya", "alex", "sam"];
/** Who invited whom. */
const inviters = { raj: "vivek", priya: "raj", alex: "priya", sam: "alex" } as const;
/** How packets go between those that UDP reaches: symmetric against port-restricted needs a third. */
const pairs = [
  ["vivek", "raj", "direct"],
  ["vivek", "priya", "direct"],
  ["vivek", "alex", "direct"],
  ["raj", "priya", "punched"],
  ["raj", "alex", "relay via vivek"],
  ["priya", "alex", "relay via vivek"],
] as const;

describe.skipIf(refusal !== undefined)("a crew behind NATs", () => {
  let friends: Friends;
  const at = (name: string): LabHost => friends.lab.host(name);

  beforeAll(async () => {
    friends = await openFriends(config);
    for (const { cli } of friends.hosts)
      cli.write(
        "desired/limits.yaml",
        `apiVersion: homie.dev/v1\nkind: Limits\nmetadata: {name: default}\nspec: {runtime: process, allow: {peers: [${names.join(", ")}]}}\n`,
      );
    await Promise.all(friends.hosts.map((host) => host.up()));
  });

  afterAll(() => friends.lab.close());

  test("each member lets in the next, and everybody that can be reached knows everybody", async () => {
    await at("vivek").cli.ok(["network", "create", "homelab"]);
    for (const [joiner, inviter] of Object.entries(inviters)) await admit(at(inviter), at(joiner));
    for (const name of names)
      await expect
        .poll(async () => (await statusOf(at(name))).peers.map((peer) => peer.name).toSorted(), wait)
        .toEqual(names.filter((other) => other !== name).toSorted());
    for (const [joiner, inviter] of Object.entries(inviters))
      if (joiner !== "vivek") expect((await peerOf(at("vivek"), joiner))?.invitedBy).toBe(inviter);
    const whoKnowsSam = async (): Promise<readonly string[]> => (await peerOf(at("vivek"), "sam"))?.knownTo ?? [];
    await expect.poll(async () => (await whoKnowsSam()).toSorted(), wait).toEqual(["alex", "priya", "raj"]);
    expect((await statusOf(at("raj"))).you).toMatchObject({ name: "raj", invitedBy: "vivek" });
    const addresses = await Promise.all(names.map(async (name) => (await statusOf(at(name))).you.ip));
    expect(new Set(addresses).size).toBe(names.length);
  });

  test.each(pairs)("%s and %s are connected: %s", async (one, other, connection) => {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const { ip, ipv6 } = (await statusOf(at(to))).you;
      for (const address of [ip, ipv6]) await expect.poll(() => reaches(at(from), address), wait).toBe(true);
      await expect.poll(() => connectionOf(at(from), to), wait).toBe(connection);
      const peer = await peerOf(at(from), to);
      expect(peer).toMatchObject({ status: "Online" });
      expect(peer?.rttMs).toBeGreaterThan(0);
      expect(Date.parse(peer?.lastHandshake ?? "")).toBeGreaterThan(0);
    }
  });

  test("where UDP is blocked, packets travel inside a TLS connection, and the status of both sides says so", async () => {
    for (const [from, to] of [
      ["sam", "vivek"],
      ["vivek", "sam"],
    ] as const) {
      await expect.poll(() => connectionOf(at(from), to), wait).toBe("direct");
      expect((await peerOf(at(from), to))?.reason).toMatch(/UDP/);
    }
    expect((await statusOf(at("sam"))).you.nat).toBe("udp-blocked");
    for (const other of names.slice(1, 4)) {
      const { ip, ipv6 } = (await statusOf(at(other))).you;
      for (const address of [ip, ipv6]) await expect.poll(() => reaches(at("sam"), address), wait).toBe(true);
      await expect.poll(() => connectionOf(at("sam"), other), wait).toBe("relay via vivek");
    }
  });

  test("all members count what they have together", async () => {
    const { totals } = await statusOf(at("vivek"));
    expect(totals).toMatchObject({ peers: names.length });
    expect(totals.online).toBe(5);
    expect(totals.cpus).toBeGreaterThanOrEqual(4);
  });

  test.each(names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const)))(
    "%s runs a program on the machine of %s, over the mesh",
    async (from, to) => {
      const project = join(at(from).home, `for-${to}`);
      mkdirSync(project);
      writeFileSync(join(project, "hello.sh"), "echo hello from $(hostname)\n");
      const said = await at(from).cli.ok(["run", "hello.sh", "--peer", to], { cwd: project });
      expect(said).toContain(`[${to}] hello from ${to}`);
    },
  );
});
