import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetcheckReport } from "../../../src/resources/network-report.ts";
import { type Friends, openFriends } from "../lab/cast.ts";
import type { LabHost } from "../lab/host.ts";
import { whyNoLab } from "../lab/lab.ts";
import { admit, connectionOf, reaches, statusOf } from "./natted-crew.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);

const config = { heartbeat_interval: 0.4, peer_timeout: 6 };
const wait = { timeout: 20_000, interval: 200 };
/** Of every house of the lab that names no other. */
const lanAddress = "192.168.1.1";
const kinds = [
  { protocol: "nat-pmp", program: fileURLToPath(new URL("pmp-router.ts", import.meta.url)) },
  { protocol: "upnp", program: fileURLToPath(new URL("upnp-router.ts", import.meta.url)) },
] as const;

describe.skipIf(refusal !== undefined).each(kinds)("a router that maps ports by $protocol", ({ protocol, program }) => {
  let friends: Friends;
  let router: ChildProcess | undefined;
  let said = "";
  const at = (name: string): LabHost => friends.lab.host(name);

  beforeAll(async () => {
    friends = await openFriends(config);
    const { raj } = friends.houses;
    const [command = "", ...args] = raj.keeper.inside([process.execPath, program, raj.address, lanAddress]);
    router = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    router.stdout?.on("data", (chunk: Buffer) => void (said += chunk.toString()));
    await Promise.all(["vivek", "raj", "alex"].map((name) => at(name).up()));
  });

  afterAll(async () => {
    router?.kill();
    await friends.lab.close();
  });

  test("makes its house one that a symmetric router reaches directly", async () => {
    await expect.poll(() => said, wait).toContain("ready");
    await at("vivek").cli.ok(["network", "create", "homelab"]);
    await admit(at("vivek"), at("raj"));
    await admit(at("vivek"), at("alex"));
    await expect.poll(() => said, wait).toContain("mapped 51820");
    await expect.poll(() => connectionOf(at("alex"), "raj"), wait).toBe("direct");
    await expect.poll(() => connectionOf(at("raj"), "alex"), wait).toBe("direct");
    expect(await reaches(at("alex"), (await statusOf(at("raj"))).you.ip)).toBe(true);
    const check = JSON.parse(await at("raj").cli.ok(["netcheck", "-o", "json"])) as NetcheckReport;
    const endpoint = `${friends.houses.raj.address}:51820`;
    expect(check.portMapping).toEqual({ protocol, endpoint });
  });

  test("has its mapping taken back when the machine leaves the network", async () => {
    await at("raj").cli.ok(["network", "leave", "--yes"]);
    await expect.poll(() => said, wait).toContain("gone 51820");
  });

  test("is not there for all: who has none is told why", async () => {
    const check = async (): Promise<NetcheckReport> =>
      JSON.parse(await at("alex").cli.ok(["netcheck", "-o", "json"])) as NetcheckReport;
    await expect
      .poll(async () => (await check()).portMapping.problem, { timeout: 40_000, interval: 500 })
      .toMatch(/no router here/);
  });
});
