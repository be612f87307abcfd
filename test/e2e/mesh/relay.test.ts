import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoLan } from "../crew/lan.ts";
import { ping, RelayDaemon, RelayHouse } from "./relay-host.ts";

const programs = ["/usr/sbin/nft", "/usr/sbin/iptables", "/usr/bin/ping", "/bin/busybox"];
const missing = programs.filter((path) => !existsSync(path));
const why = missing.length > 0 ? `needs ${missing.join(", ")} (node scripts/engine.ts install)` : await whyNoLan();
if (why !== undefined && process.env["CI"] === "true") throw new Error(`relaying cannot be tested here: ${why}`);

const members = ["10.99.0.1", "10.99.0.2", "10.99.0.3", "fd00:77::1", "fd00:77::2", "fd00:77::3"];
const wish = { enabled: true, addresses: members };

/** A rule that was changed just now, or an address that is just being looked for, may cost a packet. */
async function comesBack(from: Parameters<typeof ping>[0], to: string): Promise<void> {
  await expect.poll(() => ping(from, to)).toBe(3);
}

describe.skipIf(why !== undefined)(`a relay${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let house: RelayHouse | undefined;
  let daemon: RelayDaemon | undefined;
  const all = (): { house: RelayHouse; daemon: RelayDaemon } => {
    if (house === undefined || daemon === undefined) throw new Error("it is not set up");
    return { house, daemon };
  };
  /** What the machine has of ours: rules, settings. */
  const world = async (): Promise<string> => {
    const settings = "grep -r . /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/*forwarding";
    const script = `nft -s list ruleset; iptables -S; ip6tables -S; ${settings} /proc/sys/net/ipv6/conf/*/accept_ra`;
    return all().house.relay.run("sh", "-c", script);
  };
  /** As on a machine with Docker: it forwards everything that no filter stops. */
  const forwardEverything = async (): Promise<void> => {
    for (const each of ["ipv4.ip_forward", "ipv6.conf.all.forwarding"]) {
      await all().house.relay.run("sh", "-c", `echo 1 > /proc/sys/net/${each.replaceAll(".", "/")}`);
    }
  };

  beforeEach(async () => {
    house = await RelayHouse.open();
    daemon = new RelayDaemon(house.relay);
  });

  afterEach(async () => {
    await daemon?.end();
    await house?.close();
    house = daemon = undefined;
  });

  test("packets of both families pass between members, and a second apply changes nothing", async () => {
    const { house, daemon } = all();
    expect(await ping(house.one, "10.99.0.3")).toBe(0);
    const first = await daemon.apply(wish);
    expect(first.report).toEqual({ active: true });
    expect(first.changes).not.toEqual([]);
    await comesBack(house.one, "10.99.0.3");
    await comesBack(house.other, "fd00:77::2");
    const before = await house.relay.run("nft", "-a", "list", "ruleset");
    expect(await daemon.apply({ ...wish, addresses: members.toReversed() })).toEqual({
      report: { active: true },
      changes: [],
    });
    expect(await house.relay.run("nft", "-a", "list", "ruleset")).toBe(before);
  });

  test("nothing else passes: not to the LAN or a container, not from them, not from or to a stranger", async () => {
    const { house, daemon } = all();
    await forwardEverything();
    const strays = [
      [house.one, "192.168.7.2"],
      [house.one, "fd00:7::2"],
      [house.one, "172.17.0.2"],
      [house.container, "10.99.0.3"],
      [house.container, "fd00:77::3"],
      [house.lan, "10.99.0.3"],
    ] as const;
    for (const [host, to] of strays) await comesBack(host, to);
    await daemon.apply(wish);
    for (const [host, to] of strays) expect(await ping(host, to), to).toBe(0);
    // A stranger's source, and a stranger's destination.
    await house.one.run("ip", "address", "add", "10.99.0.66/32", "dev", "eth0");
    expect(await ping(house.one, "10.99.0.3", "-I", "10.99.0.66")).toBe(0);
    expect(await ping(house.other, "10.99.0.66")).toBe(0);
    await comesBack(house.one, "10.99.0.3");
    // What has nothing to do with the mesh is left as it is.
    await comesBack(house.container, "192.168.7.2");
    // And the relay itself is on both sides.
    await comesBack(house.one, "10.99.0.1");
  });

  test("with relaying off nothing passes, whatever else the machine forwards", async () => {
    const { house, daemon } = all();
    await forwardEverything();
    expect((await daemon.apply({ ...wish, enabled: false })).report).toEqual({ active: false });
    expect(await ping(house.one, "10.99.0.3")).toBe(0);
    expect(await ping(house.one, "fd00:77::3")).toBe(0);
    expect(await ping(house.container, "10.99.0.3")).toBe(0);
    await daemon.apply(wish);
    await comesBack(house.one, "10.99.0.3");
    expect(await ping(house.container, "10.99.0.3")).toBe(0);
    await daemon.apply({ enabled: true, addresses: members.filter((each) => !each.endsWith("3")) });
    expect(await ping(house.one, "10.99.0.3"), "a member that was revoked").toBe(0);
  });

  test("no member is told to go round the relay", async () => {
    const { house, daemon } = all();
    await house.relay.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/send_redirects");
    await daemon.apply(wish);
    await ping(house.one, "10.99.0.3");
    await ping(house.one, "fd00:77::3");
    const counted = await house.one.run("sh", "-c", "cat /proc/net/snmp /proc/net/snmp6");
    expect(/^Icmp6InRedirects\s+(\d+)/m.exec(counted)?.[1] ?? "0").toBe("0");
    const [names = "", values = ""] = counted.split("\n").filter((line) => line.startsWith("Icmp:"));
    expect(values.split(" ")[names.split(" ").indexOf("InRedirects")]).toBe("0");
  });

  test("the cap holds for everybody together", async () => {
    const { house, daemon } = all();
    const flood = ["-f", "-i", "0.001", "-c", "2000", "-s", "1400"];
    await daemon.apply(wish);
    await comesBack(house.one, "10.99.0.3");
    expect(await ping(house.one, "10.99.0.3", ...flood)).toBeGreaterThan(1_900);
    await daemon.apply({ ...wish, maxMbit: 0.1 });
    const received = await ping(house.one, "10.99.0.3", ...flood);
    // 256 KiB at once, which is 90 there and back, and 4 a second.
    expect(received).toBeGreaterThan(50);
    expect(received).toBeLessThan(1_000);
  });

  test.each(["FORWARD", "DOCKER-USER"])(
    "a way is kept through the %s of iptables, and nothing is left of it",
    async (chain) => {
      const { house, daemon } = all();
      const docker = async (): Promise<void> => {
        for (const tool of ["iptables", "ip6tables"]) {
          await house.relay.run(tool, "-P", "FORWARD", "DROP");
          if (chain === "FORWARD") continue;
          await house.relay.run(tool, "-N", "DOCKER-USER");
          await house.relay.run(tool, "-A", "DOCKER-USER", "-j", "RETURN");
          await house.relay.run(tool, "-I", "FORWARD", "-j", "DOCKER-USER");
        }
      };
      await docker();
      const before = await world();
      expect((await daemon.apply(wish)).report).toEqual({ active: true });
      await comesBack(house.one, "10.99.0.3");
      await comesBack(house.one, "fd00:77::3");
      expect((await daemon.apply(wish)).changes).toEqual([]);
      // Docker starts again, and somebody flushes every rule at that.
      await house.relay.run("nft", "flush", "ruleset");
      await docker();
      expect(await ping(house.one, "10.99.0.3")).toBe(0);
      expect((await daemon.apply(wish)).report).toEqual({ active: true });
      await comesBack(house.one, "10.99.0.3");
      expect(await ping(house.container, "10.99.0.3")).toBe(0);
      await daemon.remove();
      expect(await world()).toBe(before);
    },
  );

  test("remove leaves nothing, also after the daemon was started anew", async () => {
    const { house, daemon } = all();
    const before = await world();
    await daemon.apply({ ...wish, maxMbit: 10 });
    expect(await world()).not.toBe(before);
    const next = new RelayDaemon(house.relay);
    await next.remove();
    expect(await world()).toBe(before);
    expect((await next.remove()).changes).toEqual([]);
    await next.end();
  });

  test("a firewall that drops is told with the rule it needs, and the relay stays closed until it has it", async () => {
    const { house, daemon } = all();
    const chain = "add chain inet mine f { type filter hook forward priority 0; policy drop; }";
    await house.relay.run("nft", `add table inet mine; ${chain}`);
    const { report } = await daemon.apply(wish);
    expect(report?.active).toBe(false);
    expect(report?.problem?.message).toContain("inet mine f");
    const [rule = ""] = report?.problem?.hint?.split(";") ?? [];
    await house.relay.run(...rule.replace("sudo ", "").split(" "));
    expect((await daemon.apply(wish)).report).toEqual({ active: true });
    await comesBack(house.one, "10.99.0.3");
  });

  test("an older kernel becomes a router for IPv6, and is a host again afterwards, whoever removes it", async () => {
    const { house } = all();
    // Files like the settings of a kernel before 6.17, which could not forward IPv6 for one interface alone.
    const root = join(house.relay.home, "net");
    const write = async (settings: Record<string, string>): Promise<void> => {
      for (const [setting, value] of Object.entries(settings)) {
        await mkdir(join(root, setting, ".."), { recursive: true });
        await writeFile(join(root, setting), `${value}\n`);
      }
    };
    const read = (setting: string): Promise<string> => readFile(join(root, setting), "utf8");
    await write({
      "ipv4/conf/homie0/forwarding": "0",
      "ipv4/conf/homie0/send_redirects": "1",
      "ipv6/conf/all/forwarding": "0",
      "ipv6/conf/homie0/forwarding": "0",
      "ipv6/conf/eth0/forwarding": "0",
      "ipv6/conf/eth0/accept_ra": "1",
      // It forwards already, and hears advertisements because somebody wanted both.
      "ipv6/conf/docker0/forwarding": "1",
      "ipv6/conf/docker0/accept_ra": "1",
    });
    const old = new RelayDaemon(house.relay, [], [root]);
    expect((await old.apply(wish)).report).toEqual({ active: true });
    expect((await old.apply(wish)).changes).toEqual([]);
    await old.end();
    expect(await read("ipv6/conf/all/forwarding")).toBe("1\n");
    expect(await read("ipv6/conf/eth0/accept_ra")).toBe("2\n");
    expect(await read("ipv6/conf/docker0/accept_ra")).toBe("1\n");
    expect(await read("ipv4/conf/homie0/send_redirects")).toBe("0\n");
    const next = new RelayDaemon(house.relay, [], [root]);
    await next.remove();
    await next.end();
    for (const each of ["ipv6/conf/all/forwarding", "ipv4/conf/homie0/forwarding"])
      expect(await read(each)).toBe("0\n");
    expect(await read("ipv6/conf/eth0/accept_ra")).toBe("1\n");
    expect(await read("ipv6/conf/docker0/accept_ra")).toBe("1\n");
  });

  test("without nft it says which package is missing, and forwards nothing", async () => {
    const { house, daemon } = all();
    await house.relay.run("mount", "--bind", "/dev/null", "/usr/sbin/nft");
    const { report } = await daemon.apply(wish);
    expect(report?.active).toBe(false);
    expect(report?.problem?.message).toContain("needs nft");
    expect(report?.problem?.hint).toContain("apt install nftables");
    expect(await house.relay.run("cat", "/proc/sys/net/ipv4/conf/homie0/forwarding")).toBe("0\n");
  });

  test("without root it says what is missing, and throws nothing", async () => {
    const { house } = all();
    const nobody = new RelayDaemon(house.relay, ["setpriv", "--reuid", "65534", "--clear-groups"]);
    const { report, changes } = await nobody.apply(wish);
    await nobody.end();
    expect(changes).toEqual([]);
    expect(report?.active).toBe(false);
    expect(report?.problem?.message).toContain("needs root");
    expect(report?.problem?.hint).toContain("CAP_NET_ADMIN");
  });
});
