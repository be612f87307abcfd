import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNetworkFile, type SecretEpoch } from "../../../src/adapters/identity/network-file.ts";
import type { Job } from "../../../src/resources/job.ts";
import type { LabHost } from "../lab/host.ts";
import type { LabHouse } from "../lab/house.ts";
import { Lab, whyNoLab } from "../lab/lab.ts";
import type { PublicHost } from "../lab/public-host.ts";
import { admit, connectionOf, peerOf, reaches, statusOf } from "./natted-crew.ts";
import { promised } from "../../support/promised.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: a member that is revoked: ${refusal}\n`);

const config = { heartbeat_interval: 0.4, peer_timeout: 6 };
/** The longest that anything of the revoked one may go on. */
const soon = promised(10_000);
const wait = { timeout: 20_000, interval: 200 };
/** A dialer that has failed for long tries every half minute. */
const far = { timeout: 50_000, interval: 500 };
/** In so much time a machine that has just started dials the others three times at least. */
const longEnough = 6_000;
/** Who invited whom: raj and guest share a house behind a NAT, the others have public addresses. */
const inviters = { zed: "vivek", raj: "vivek", guest: "raj", mal: "vivek", ema: "mal" } as const;
const names = ["vivek", ...Object.keys(inviters)];
/** Those that the news of the revocation can reach at once. */
const reachable = ["vivek", "raj", "ema"] as const;
const ear = fileURLToPath(new URL("beacon-ear.ts", import.meta.url));

describe.skipIf(refusal !== undefined)("a member that is revoked", () => {
  let lab: Lab;
  let mal: PublicHost;
  let house: LabHouse;
  let backup: string;
  let malsAddresses: readonly string[] = [];
  const at = (name: string): LabHost => lab.host(name);

  beforeAll(async () => {
    lab = await Lab.open();
    for (const name of ["vivek", "zed", "mal", "ema"]) await lab.addPublicHost(name, config);
    house = await lab.addHouse("house", { nat: "cone" });
    for (const name of ["raj", "guest"]) await house.addHost(name, config);
    mal = at("mal") as PublicHost;
    const limits = `spec: {runtime: process, allow: {peers: [${names.join(", ")}]}}`;
    for (const { cli } of lab.hosts)
      cli.write(
        "desired/limits.yaml",
        `apiVersion: homie.dev/v1\nkind: Limits\nmetadata: {name: default}\n${limits}\n`,
      );
    await Promise.all(lab.hosts.map((host) => host.up()));
    await at("vivek").cli.ok(["network", "create", "homelab"]);
    for (const [joiner, inviter] of Object.entries(inviters)) await admit(at(inviter), at(joiner));
    const { ip, ipv6 } = (await statusOf(mal)).you;
    malsAddresses = [ip, ipv6];
    await mal.down();
    backup = join(lab.directory, "backup-of-mal");
    cpSync(mal.home, backup, { recursive: true });
    await mal.up();
  });

  afterAll(() => lab.close());

  /** A job of `from` at `to` that would never end: what it runs is `sleep` for so long. */
  async function startJob(from: string, to: string, seconds: string): Promise<void> {
    const project = join(at(from).home, `at-${to}`);
    mkdirSync(project);
    writeFileSync(join(project, "long.sh"), `sleep ${seconds}\n`);
    const where = ["--peer", to, "--name", `at-${to}`, "--detach"];
    await at(from).cli.ok(["run", "long.sh", ...where], { cwd: project });
    await expect.poll(() => sleepers(to, seconds), wait).not.toBe("");
  }

  async function sleepers(name: string, seconds: string): Promise<string> {
    return await at(name)
      .run("pgrep", "-f", `[s]leep ${seconds}`)
      .catch(() => "");
  }

  /** TCP connections to the machine of mal, by its own address or through the tunnel. */
  async function connectionsOf(name: string): Promise<readonly string[]> {
    const lines = (await at(name).run("ss", "-Htn", "state", "established")).split("\n");
    return lines.filter((line) => [mal.address, ...malsAddresses].some((address) => line.includes(address)));
  }

  async function malIsOutAt(name: string): Promise<void> {
    await expect.poll(async () => (await peerOf(at(name), "mal"))?.status ?? "Revoked", soon).toBe("Revoked");
    for (const address of malsAddresses) await expect.poll(() => reaches(at(name), address), soon).toBe(false);
    await expect.poll(() => connectionsOf(name), soon).toEqual([]);
  }

  function epochOf(host: LabHost): SecretEpoch | undefined {
    return createNetworkFile(join(host.directory, "network", "network.json")).load()?.epoch;
  }

  function othersThanZed(): readonly (PublicHost | LabHouse)[] {
    return [at("vivek") as PublicHost, at("ema") as PublicHost, house];
  }

  async function phaseOf(name: string, job: string): Promise<string | undefined> {
    return (JSON.parse(await at(name).cli.ok(["get", `job/${job}`, "-o", "json"])) as Job).status?.phase;
  }

  test("before, everybody is connected with it", async () => {
    for (const name of names)
      await expect.poll(async () => (await statusOf(at(name))).totals.online, wait).toBe(names.length);
    for (const name of [...reachable, "zed"])
      for (const address of malsAddresses) await expect.poll(() => reaches(at(name), address), wait).toBe(true);
  });

  test("its packets, its TLS connections and the jobs of both sides end on every member that is reached", async () => {
    await expect.poll(() => connectionOf(at("raj"), "mal"), wait).toBe("direct");
    await startJob("mal", "vivek", "31415");
    await startJob("raj", "mal", "27182");
    for (const name of reachable) await expect.poll(() => connectionsOf(name), wait).not.toEqual([]);
    // Nobody tells zed, which is cut off, nor guest, which is off.
    for (const site of [...othersThanZed(), mal]) await lab.partition(at("zed") as PublicHost, site);
    await at("guest").crash();
    const before = epochOf(at("vivek"));
    await at("vivek").cli.ok(["network", "revoke", "mal", "--yes"]);
    await Promise.all([
      ...reachable.map((name) => malIsOutAt(name)),
      expect.poll(() => sleepers("vivek", "31415"), soon).toBe(""),
      expect.poll(() => phaseOf("raj", "at-mal"), soon).not.toBe("Running"),
    ]);
    expect(epochOf(at("vivek"))?.number).toBe((before?.number ?? 0) + 1);
    for (const name of reachable) await expect.poll(() => epochOf(at(name)), soon).toEqual(epochOf(at("vivek")));
  });

  test("a member that was off while it happened catches up, and hears beacons under the new secret", async () => {
    const guest = at("guest");
    await guest.powerOn();
    await guest.up();
    await expect.poll(() => epochOf(guest), wait).toEqual(epochOf(at("vivek")));
    await malIsOutAt("guest");
    const [own, raj] = await Promise.all(["guest", "raj"].map(async (name) => (await statusOf(at(name))).you.node));
    expect(await guest.run(process.execPath, ear, "5555", own ?? "")).toBe(raj);
  });

  test("its whole home, brought back from a backup of before, is let in by nobody who knows", async () => {
    await mal.crash();
    rmSync(mal.home, { recursive: true });
    cpSync(backup, mal.home, { recursive: true });
    await mal.powerOn();
    await mal.up();
    const { you } = await statusOf(mal);
    expect(you.name).toBe("mal");
    expect(you.removed).toBeUndefined();
    await triesInVain("mal");
    for (const name of [...reachable, "guest"]) await malIsOutAt(name);
  });

  test("whoever still has the old view takes it and whom it lets in for members, and nobody else does", async () => {
    await lab.heal(at("zed") as PublicHost, mal);
    await expect.poll(() => reaches(at("zed"), malsAddresses[0] ?? ""), far).toBe(true);
    const late = await lab.addPublicHost("late", config);
    await late.up();
    await admit(mal, late);
    await expect.poll(async () => (await peerOf(at("zed"), "late"))?.status, wait).toBe("Online");
    await triesInVain("late");
    for (const name of [...reachable, "guest"]) {
      await malIsOutAt(name);
      expect(await peerOf(at(name), "late")).toBeUndefined();
    }
  });

  test("when that member is reached again it puts them out as well, and whom it let in before stays", async () => {
    for (const site of othersThanZed()) await lab.heal(at("zed") as PublicHost, site);
    await expect.poll(() => epochOf(at("zed")), far).toEqual(epochOf(at("vivek")));
    for (const name of [...reachable, "zed", "guest"]) {
      await malIsOutAt(name);
      await expect.poll(() => peerOf(at(name), "late"), soon).toBeUndefined();
    }
    const { ip } = (await statusOf(at("ema"))).you;
    for (const name of ["vivek", "raj", "zed", "guest"]) {
      await expect.poll(() => reaches(at(name), ip), wait).toBe(true);
      expect(await peerOf(at(name), "ema")).toMatchObject({ status: "Online", invitedBy: "mal" });
    }
  });

  /** It has its links and tunnels tried out several times, and reaches nobody who knows better. */
  async function triesInVain(name: string): Promise<void> {
    const { ip } = (await statusOf(at("vivek"))).you;
    const endMs = performance.now() + longEnough;
    while (performance.now() < endMs) expect(await reaches(at(name), ip)).toBe(false);
  }
});
