import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lab, whyNoLab } from "./lab.ts";
import { Tunnel } from "./tunnel.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
const script = fileURLToPath(new URL("../../../scripts/lab.ts", import.meta.url));
const wait = { timeout: 20_000, interval: 50 };

/** Processes by their number. Who ends while we look is not among them. */
function processes(): readonly string[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
}

function look(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

/** Processes that live in a network. */
function tenantsOf(network: string): readonly string[] {
  return processes().filter((pid) => look(() => readlinkSync(`/proc/${pid}/ns/net`)) === network);
}

/** Processes with these words in their command line or environment. */
function mentions(words: string): readonly string[] {
  return processes().filter((pid) =>
    ["cmdline", "environ"].some((file) => look(() => readFileSync(`/proc/${pid}/${file}`, "utf8")).includes(words)),
  );
}

const networkOf = (pid: number): string => readlinkSync(`/proc/${pid}/ns/net`);

describe.skipIf(refusal !== undefined)("machines of a lab", () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.open();
  });
  afterEach(() => lab.close());

  test("a machine has its own name, home, processes, sockets and homie", async () => {
    const house = await lab.addHouse("house", { nat: "cone" });
    const [raj, priya] = [await house.addHost("raj", { cpu_limit: 1 }), await house.addHost("priya")];
    expect(await raj.run("sh", "-c", "hostname; echo $HOME; ls /run | wc -l")).toBe(`raj\n${raj.home}\n0\n`);
    expect(await raj.run("cat", "/etc/machine-id")).not.toBe(await priya.run("cat", "/etc/machine-id"));
    await raj.up();
    expect((await raj.homie(["status"])).stdout).toMatch(/Name: +raj\n/);
    expect((await raj.run("homie", "whoami")).length).toBeGreaterThan(0);
    expect((await priya.homie(["status"])).code).not.toBe(0);
    await raj.down();
    expect(await raj.run("sh", "-c", "ps -e -o comm= | grep -c node || true")).toBe("0\n");
  });

  test.skipIf(!existsSync("/usr/bin/faketime"))("a machine's clock is wrong by as much as one says", async () => {
    const vivek = await lab.addPublicHost("vivek");
    vivek.setClock(-86_400);
    const there = Number(await vivek.run(process.execPath, "-p", "Date.now()"));
    expect(Math.abs(there - (Date.now() - 86_400_000))).toBeLessThan(60_000);
    vivek.setClock(0);
    expect(Math.abs(Number(await vivek.run(process.execPath, "-p", "Date.now()")) - Date.now())).toBeLessThan(60_000);
  });

  test("a crash ends everything on a machine; its disk and place are there when it is on again", async () => {
    const vivek = await lab.addPublicHost("vivek");
    const house = await lab.addHouse("house", { nat: "cone" });
    const raj = await house.addHost("raj");
    for (const [host, other] of [
      [raj, vivek],
      [vivek, raj],
    ] as const) {
      const network = networkOf(host.keeper.pid);
      writeFileSync(join(host.home, "letter"), "still there");
      await host.run("sh", "-c", "touch /run/mark; setsid sleep 1000 >/dev/null 2>&1 &");
      expect(tenantsOf(network).length).toBeGreaterThan(2);
      await host.crash();
      expect(tenantsOf(network)).toEqual([]);
      expect(() => host.keeper).toThrow("switched off");
      const address = host.address;
      await host.powerOn();
      expect(host.address).toBe(address);
      expect(await host.run("cat", "letter")).toBe("still there");
      expect(await host.run("ls", "/run")).toBe("");
      await raj.run("ping", "-c", "1", "-W", "2", vivek.address);
      expect(other.isOn).toBe(true);
    }
  });

  test("WireGuard shakes hands through a NAT, and two houses meet at the endpoints that a third sees", async () => {
    const vivek = await Tunnel.open(await lab.addPublicHost("vivek"), "10.99.0.1");
    const houses = [await lab.addHouse("house", { nat: "cone" }), await lab.addHouse("other", { nat: "cone" })];
    const friends: Tunnel[] = [];
    for (const [index, house] of houses.entries()) {
      const friend = await Tunnel.open(await house.addHost(`pc${index}`), `10.99.0.${index + 2}`);
      await vivek.expect(friend);
      await friend.expect(vivek, `${vivek.host.address}:51820`);
      await expect.poll(() => vivek.hasShakenHandsWith(friend), wait).toBe(true);
      expect((await vivek.endpointOf(friend))?.split(":")[0]).toBe(house.address);
      friends.push(friend);
    }
    const [raj, priya] = friends;
    if (raj === undefined || priya === undefined) throw new Error("two houses have two machines");
    // One after the other: two first messages that cross cancel each other.
    await raj.expect(priya, await vivek.endpointOf(priya));
    await priya.expect(raj, await vivek.endpointOf(raj));
    await expect.poll(() => raj.hasShakenHandsWith(priya), wait).toBe(true);
    await raj.host.run("ping", "-c", "1", "-W", "5", priya.address);
  });

  test("nothing is left of a lab that was closed", async () => {
    const vivek = await lab.addPublicHost("vivek");
    const house = await lab.addHouse("house", { nat: "symmetric", carrier: await lab.addCarrier("carrier", "cone") });
    const raj = await house.addHost("raj");
    await lab.setWire(house, { delayMs: 5, loss: 0.1, mbit: 100 });
    await lab.setWire(vivek, { delayMs: 5 });
    await raj.run("wireguard-go", "wg0");
    await raj.up();
    const pids = [lab.internet.keeper.pid, house.keeper.pid, raj.keeper.pid, vivek.keeper.pid];
    const networks = pids.map(networkOf);
    expect(networks.flatMap(tenantsOf).length).toBeGreaterThan(6);
    await lab.close();
    expect(networks.flatMap(tenantsOf)).toEqual([]);
    expect(mentions(lab.directory)).toEqual([]);
    expect(existsSync(lab.directory)).toBe(false);
    lab = await Lab.open();
  });

  test("nothing is left either when the program that opened it is killed", async () => {
    const player = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const directory = await homesOf(player);
    const inside = (...command: readonly string[]): ChildProcess =>
      spawn(process.execPath, [script, "exec", "raj", ...command], { stdio: "ignore" });
    expect(await once(inside("homie", "up", "-d"), "exit")).toEqual([0, null]);
    const networks = new Set(mentions(directory).map((pid) => networkOf(Number(pid))));
    networks.delete(networkOf(process.pid));
    expect(networks.size).toBeGreaterThanOrEqual(5);
    player.kill("SIGKILL");
    await expect.poll(() => existsSync(directory), wait).toBe(false);
    await expect.poll(() => [...networks].flatMap(tenantsOf), wait).toEqual([]);
    await expect.poll(() => mentions(directory), wait).toEqual([]);
  });
});

/** The directory of a lab that is played by hand, as it is printed when everything is there. */
async function homesOf(player: ChildProcess): Promise<string> {
  if (player.stdout === null) throw new Error("stdout is a pipe");
  for await (const line of createInterface({ input: player.stdout })) {
    const [, directory] = /^Homes are in (\S+)\. /.exec(line) ?? [];
    if (directory !== undefined) return directory;
  }
  throw new Error("the lab did not open");
}
