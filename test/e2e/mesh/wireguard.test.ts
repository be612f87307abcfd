import { appendFile, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireGuardConfig, WireGuardPeer } from "../../../src/adapters/wireguard/config.ts";
import { connect, type Daemon, Host, Pinging } from "./wireguard-host.ts";
import { configOne, configTwo, makeKeys, two, whyNoWireGuard } from "./wireguard-pair.ts";

const why: string | undefined = await whyNoWireGuard();

function stranger(number: number): WireGuardPeer {
  const { publicKey } = makeKeys();
  return { publicKey, allowedIps: [`10.99.1.${number}/32`], endpoint: `192.0.2.${100 + number}:51820` };
}

describe.skipIf(why !== undefined)(`two machines with a tunnel${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let one: Host | undefined;
  let other: Host | undefined;
  let daemon: Daemon | undefined;
  let otherDaemon: Daemon | undefined;
  const hosts = (): [Host, Daemon] => {
    if (one === undefined || daemon === undefined) throw new Error("it is not set up");
    return [one, daemon];
  };

  beforeEach(async () => {
    one = await Host.open();
    other = await Host.open();
    await connect(one, other);
    [daemon, otherDaemon] = [one.startDaemon(), other.startDaemon()];
    await otherDaemon.apply(configTwo);
    await daemon.apply(configOne);
  });

  afterEach(async () => {
    for (const each of [daemon, otherDaemon]) await each?.end();
    for (const host of [one, other]) await host?.close();
    one = other = daemon = otherDaemon = undefined;
  });

  test("packets of both families pass, and a second apply changes nothing", async () => {
    const [host, running] = hosts();
    for (const address of ["10.99.0.2", "fd00:77::2"]) {
      const pinging = new Pinging(host, address);
      await pinging.answers(10);
      await pinging.stop();
    }
    expect(await running.apply(configOne)).toEqual({ made: false, actions: [], savedHandEdit: false });
    expect(await otherDaemon?.apply(configTwo)).toEqual({ made: false, actions: [], savedHandEdit: false });
    const [peer] = (await running.observe()).peers;
    expect(peer?.latestHandshakeSeconds).toBeGreaterThan(0);
    expect(JSON.stringify(await running.observe())).not.toContain(configOne.privateKey);
  });

  test("ten peers come and go, and a running ping loses nothing", async () => {
    const [host, running] = hosts();
    const pinging = new Pinging(host, "10.99.0.2");
    await pinging.answers(20);
    const strangers = Array.from({ length: 10 }, (_, index) => stranger(index + 1));
    for (let count = 1; count <= 10; count += 1) {
      const changes = await running.apply({ ...configOne, peers: [...strangers.slice(0, count), two] });
      expect(changes.actions.map((action) => action.kind)).toEqual(["add-peer"]);
      await pinging.answers(10);
    }
    for (let count = 9; count >= 0; count -= 1) {
      const changes = await running.apply({ ...configOne, peers: [...strangers.slice(0, count), two] });
      expect(changes.actions.map((action) => action.kind)).toEqual(["remove-peer"]);
      await pinging.answers(10);
    }
    const { received, lost } = await pinging.stop();
    expect(lost, `of ${received}`).toBe(0);
    expect(received).toBeGreaterThanOrEqual(220);
  });

  test("the tunnel outlives the daemon, and the next one goes on with it", async () => {
    const [host, running] = hosts();
    const pinging = new Pinging(host, "10.99.0.2");
    await pinging.answers(20);
    await running.crash();
    await pinging.answers(20);
    daemon = host.startDaemon();
    expect(await daemon.apply(configOne)).toEqual({ made: false, actions: [], savedHandEdit: false });
    await pinging.answers(20);
    expect((await pinging.stop()).lost).toBe(0);
  });

  test("F-42: a peer that was removed by hand comes back, and one that was added goes", async () => {
    const [host, running] = hosts();
    const { publicKey } = makeKeys();
    const pinging = new Pinging(host, "10.99.0.2");
    await pinging.answers(10);
    await host.run("wg", "set", "homie0", "peer", two.publicKey, "remove", "peer", publicKey);
    const { actions } = await running.apply(configOne);
    expect(actions).toEqual([
      { kind: "add-peer", peer: two },
      { kind: "remove-peer", publicKey },
    ]);
    await pinging.answers(10);
    // The same count that is 0 while others come and go.
    expect((await pinging.stop()).lost).toBeGreaterThan(0);
    expect((await running.apply(configOne)).actions).toEqual([]);
  });

  test("F-42: addresses and MTU that were changed by hand are put right", async () => {
    const [host, running] = hosts();
    await host.run("ip", "address", "delete", "10.99.0.1/16", "dev", "homie0");
    await host.run("ip", "address", "add", "10.98.0.1/16", "dev", "homie0");
    await host.run("ip", "link", "set", "homie0", "mtu", "1400");
    await running.apply(configOne);
    const text = await host.run("ip", "address", "show", "dev", "homie0");
    expect(text).toMatch(/mtu 1280 [^]*10\.99\.0\.1\/16/);
    expect(text).not.toContain("10.98.0.1");
    const pinging = new Pinging(host, "10.99.0.2");
    await pinging.answers(3);
    await pinging.stop();
  });

  test("every kind of change takes effect at once", async () => {
    const [host, running] = hosts();
    const { publicKey } = stranger(1);
    const keyed = `wg genpsk > /run/psk && wg set homie0 peer ${two.publicKey} preshared-key /run/psk`;
    await host.run("sh", "-c", keyed);
    const keys = makeKeys();
    const changed: WireGuardConfig = {
      privateKey: keys.privateKey,
      listenPort: 51830,
      addresses: ["10.99.0.9/16", "10.99.0.1/16"],
      mtu: 1300,
      peers: [
        { publicKey: two.publicKey, allowedIps: [], keepaliveSeconds: 5 },
        { publicKey, allowedIps: ["10.99.0.2/32"], endpoint: "[fd00::9]:1" },
      ],
    };
    const { actions } = await running.apply(changed);
    expect(actions.map((action) => action.kind)).toEqual([
      "set-private-key",
      "set-listen-port",
      "add-peer",
      "set-allowed-ips",
      "clear-preshared-key",
      "set-keepalive",
    ]);
    expect((await running.apply(changed)).actions).toEqual([]);
    const dump = await running.observe();
    expect(dump.publicKey).toBe(keys.publicKey);
    expect(dump.listenPort).toBe(51830);
    expect(dump.peers.find((peer) => peer.publicKey === two.publicKey)?.allowedIps).toEqual([]);
  });

  test("F-42: wg-quick takes the file as it is, and what somebody wrote into it is kept aside", async () => {
    const [host, running] = hosts();
    const path = join(host.directory, "homie0.conf");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const stripped = await host.run("wg-quick", "strip", path);
    expect(stripped).toContain(`PrivateKey = ${configOne.privateKey}`);
    expect(stripped).toContain("AllowedIPs = 10.99.0.2/32, fd00:77::2/128");
    expect(stripped).not.toMatch(/Address|MTU/);
    await appendFile(path, "PostUp = touch /run/owned\n");
    expect((await running.apply(configOne)).savedHandEdit).toBe(true);
    expect(await readFile(`${path}.orig`, "utf8")).toContain("PostUp");
    expect(await readFile(path, "utf8")).not.toContain("PostUp");
  });

  test("nothing is left of it after it is removed", async () => {
    const [host, running] = hosts();
    expect((await host.programs()).some((line) => line.includes("wireguard-go"))).toBe(true);
    await running.remove();
    await running.end();
    daemon = undefined;
    expect(await host.run("ip", "-brief", "link")).not.toContain("homie0");
    expect((await host.programs()).filter((line) => line.includes("wireguard"))).toEqual([]);
    expect(await host.run("sh", "-c", "ls -A /run/wireguard")).toBe("");
    expect(await readdir(host.directory)).toEqual([]);
  });

  test("a tunnel whose wireguard-go was killed is made again", async () => {
    const [host, running] = hosts();
    await host.run("sh", "-c", "kill -9 $(grep -l '^wireguard-go' /proc/[0-9]*/comm | cut -d/ -f3)");
    await expect.poll(() => host.run("ip", "-brief", "link")).not.toContain("homie0");
    expect((await running.apply(configOne)).made).toBe(true);
    const pinging = new Pinging(host, "10.99.0.2");
    await pinging.answers(3);
    await pinging.stop();
  });
});

describe.skipIf(why !== undefined)("a machine on which the tunnel cannot be had", () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
  });
  afterEach(() => host.close());

  const listen = 'require("node:dgram").createSocket("udp4").bind(51821, () => console.log("bound"))';
  const cases: readonly (readonly [string, string, RegExp, RegExp])[] = [
    [
      "the port is in use",
      `mkfifo /run/bound && (${process.execPath} -e '${listen}' > /run/bound 2>&1 &) && head -n 1 /run/bound`,
      /UDP port 51821 is in use/,
      /ss -ulpn/,
    ],
    ["/dev/net/tun is missing", "mount -t tmpfs tmpfs /dev/net", /no \/dev\/net\/tun/, /modprobe tun/],
    ["wg is missing", "mount --bind /dev/null /usr/bin/wg", /needs wg/, /apt install wireguard-tools/],
    [
      "wireguard-go is missing",
      "mount --bind /dev/null /usr/bin/wireguard-go",
      /needs wireguard-go/,
      /apt install wireguard-go/,
    ],
    ["the name is taken", "ip tuntap add homie0 mode tun", /that is not homie's/, /ip link delete dev homie0/],
  ];
  test.each(cases)("says what to do when %s", async (_title, setup, message, hint) => {
    await host.run("sh", "-c", setup);
    const daemon = host.startDaemon();
    expect(await daemon.refuse(configOne)).toEqual({
      code: "MeshUnavailable",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    await daemon.end();
    expect((await host.programs()).filter((line) => line.includes("wireguard-go"))).toEqual([]);
    expect(await host.run("sh", "-c", "ls -A /run/wireguard 2> /dev/null || true")).toBe("");
  });

  test("leaves the tunnel of somebody else alone, and takes on one that has no key yet", async () => {
    await host.run("wireguard-go", "homie0");
    await host.run("sh", "-c", "wg genkey > /run/key && wg set homie0 private-key /run/key");
    const before = await host.run("wg", "show", "homie0", "dump");
    const daemon = host.startDaemon();
    expect(await daemon.refuse(configOne)).toMatchObject({ code: "MeshUnavailable" });
    await daemon.remove();
    expect(await host.run("wg", "show", "homie0", "dump")).toBe(before);
    await host.run("ip", "link", "delete", "dev", "homie0");
    await expect.poll(() => host.run("sh", "-c", "ls -A /run/wireguard")).toBe("");
    await host.run("wireguard-go", "homie0");
    expect((await daemon.apply(configOne)).made).toBe(false);
    await daemon.remove();
    await daemon.end();
    expect(await host.run("ip", "-brief", "link")).not.toContain("homie0");
  });

  test("says what to run without rights, and that works", async () => {
    const daemon = host.startDaemon(["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]);
    const refusal = await daemon.refuse(configOne);
    expect(refusal.code).toBe("MeshUnavailable");
    const [, command = ""] = /`sudo (.*)`/.exec(refusal.hint ?? "") ?? [];
    await host.run("sh", "-c", command);
    await daemon.end();
    const withRights = host.startDaemon();
    expect(await withRights.apply(configOne)).toEqual({ made: false, actions: [], savedHandEdit: false });
    await withRights.remove();
    await withRights.end();
    expect(await host.run("ip", "-brief", "link")).not.toContain("homie0");
  });
});
