import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireGuardConfig, WireGuardPeer } from "../../../src/adapters/wireguard/config.ts";
import { cable, connect, type Daemon, Host, Pinging } from "./wireguard-host.ts";
import { configOne, configTwo, makeKeys, two, whyNoWireGuard } from "./wireguard-pair.ts";

const why: string | undefined = await whyNoWireGuard();

/** As in a mesh: an address of one's own, and a route to each member. */
const hostOne: WireGuardConfig = { ...configOne, addresses: ["10.99.0.1/32", "fd00:77::1/128"] };
const hostTwo: WireGuardConfig = { ...configTwo, addresses: ["10.99.0.2/32", "fd00:77::2/128"] };
const keyOfOne: string = configTwo.peers[0]?.publicKey ?? "";

function stranger(number: number): WireGuardPeer {
  const address = `10.99.${1 + (number >> 8)}.${number % 256}/32`;
  return { publicKey: makeKeys().publicKey, allowedIps: [address, `fd00:77::1:${number.toString(16)}/128`] };
}

async function answers(host: Host, ...addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const pinging = new Pinging(host, address);
    await pinging.answers(3);
    await pinging.stop();
  }
}

async function routesOf(host: Host): Promise<string> {
  return host.run("sh", "-c", "ip -4 route show dev homie0; ip -6 route show dev homie0");
}

describe.skipIf(why !== undefined)(`two members${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let hosts: readonly [Host, Host];
  let daemons: readonly [Daemon, Daemon];

  beforeEach(async () => {
    hosts = [await Host.open(), await Host.open()];
    await connect(...hosts);
    daemons = [hosts[0].startDaemon(), hosts[1].startDaemon()];
    await daemons[1].apply(hostTwo);
    await daemons[0].apply(hostOne);
  });

  afterEach(async () => {
    for (const daemon of daemons) await daemon.end();
    for (const host of hosts) await host.close();
  });

  test("have a route to each other and to nobody else, whoever comes, goes or takes it away", async () => {
    const [[host], [daemon]] = [hosts, daemons];
    await answers(host, "10.99.0.2", "fd00:77::2");
    expect(await routesOf(host)).not.toMatch(/10\.99\.0\.0|fd00:77::\/48/);
    const before = await routesOf(host);
    const third = stranger(7);
    await daemon.apply({ ...hostOne, peers: [two, third] });
    expect(await routesOf(host)).toMatch(/^10\.99\.1\.7 [^]*^fd00:77::1:7 /m);
    await daemon.apply(hostOne);
    expect(await routesOf(host)).toBe(before);
    await host.run("ip", "route", "delete", "10.99.0.2/32", "dev", "homie0");
    await host.run("ip", "-6", "route", "delete", "fd00:77::2/128", "dev", "homie0");
    await host.run("ip", "route", "add", "10.99.9.0/24", "dev", "homie0");
    expect((await daemon.apply(hostOne)).actions).toEqual([]);
    expect(await routesOf(host)).toBe(before);
    await answers(host, "10.99.0.2", "fd00:77::2");
  });

  test("know whether anything is to be done, and do nothing to know it", async () => {
    const [[host], [daemon]] = [hosts, daemons];
    const world = "ip -json address show dev homie0; ip -4 route; ip -6 route; wg showconf homie0";
    const drifts = [
      "ip route delete 10.99.0.2/32 dev homie0",
      "ip -6 route add fd00:77::9/128 dev homie0",
      `wg set homie0 peer ${two.publicKey} remove`,
      `wg set homie0 peer ${two.publicKey} persistent-keepalive 7`,
      "ip address delete 10.99.0.1/32 dev homie0",
      "ip link set dev homie0 mtu 1400",
      "ip link set dev homie0 down",
      `echo >> ${join(host.directory, "homie0.conf")}`,
    ];
    expect(await daemon.converged(hostOne)).toBe(true);
    expect(await daemon.converged({ ...hostOne, peers: [two, stranger(1)] })).toBe(false);
    for (const drift of drifts) {
      await host.run("sh", "-c", drift);
      const before = await host.run("sh", "-c", world);
      expect(await daemon.converged(hostOne), drift).toBe(false);
      expect(await host.run("sh", "-c", world)).toBe(before);
      await daemon.apply(hostOne);
      expect(await daemon.converged(hostOne), drift).toBe(true);
    }
    await daemon.remove();
    expect(await daemon.converged(hostOne)).toBe(false);
    expect(await host.run("ip", "-brief", "link")).not.toContain("homie0");
  });

  test("are a thousand and one with no more programs run than for two", async () => {
    const [[host], [daemon]] = [hosts, daemons];
    await daemon.end();
    const directory = join(host.home, "counted");
    await host.run("mkdir", directory);
    for (const tool of ["/usr/sbin/ip", "/usr/bin/wg"]) {
      const name = tool.split("/").at(-1) ?? "";
      const script = `#!/bin/sh\necho ${name} "$@" >> /run/calls\nexec ${tool} "$@"\n`;
      await writeFile(join(directory, name), script, { mode: 0o755 });
    }
    const counted = host.startDaemon(["env", `PATH=${directory}:/usr/bin:/bin`]);
    daemons = [counted, daemons[1]];
    const callsOf = async (config: WireGuardConfig): Promise<readonly string[]> => {
      await host.run("sh", "-c", ": > /run/calls");
      await counted.apply(config);
      return (await host.run("cat", "/run/calls")).split("\n").filter((line) => line !== "");
    };
    const idle = (await callsOf(hostOne)).length;
    const many = { ...hostOne, peers: [two, ...Array.from({ length: 1_000 }, (_, index) => stranger(index))] };
    // One for the peers, one for the routes.
    expect(await callsOf(many)).toHaveLength(idle + 2);
    expect((await routesOf(host)).match(/^(?:10\.99|fd00:77::1:)/gm)?.length).toBeGreaterThanOrEqual(2_001);
    expect(await callsOf(many)).toHaveLength(idle);
    expect(await callsOf(hostOne)).toHaveLength(idle + 2);
    await answers(host, "10.99.0.2", "fd00:77::2");
  });

  test("without rights are told what brings peers and routes there, and then nothing is left to do", async () => {
    const [[host], [daemon]] = [hosts, daemons];
    await daemon.end();
    const powerless = host.startDaemon(["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]);
    const changed = { ...hostOne, peers: [two, stranger(3)] };
    const { code, hint } = await powerless.refuse(changed);
    await powerless.end();
    expect(code).toBe("MeshUnavailable");
    const [, command = ""] = /`(.*)`/.exec(hint ?? "") ?? [];
    await host.run("sh", "-c", command.replaceAll("sudo ", ""));
    await answers(host, "10.99.0.2", "fd00:77::2");
    const powerful = host.startDaemon();
    daemons = [powerful, daemons[1]];
    expect(await powerful.converged(changed)).toBe(true);
    expect(await powerful.apply(changed)).toEqual({ made: false, actions: [], savedHandEdit: false });
  });

  test("begin anew when one is renewed, though it is nowhere written where the other is", async () => {
    const [[one, host], [, daemon]] = [hosts, daemons];
    await answers(one, "10.99.0.2");
    const [before] = (await daemon.observe()).peers;
    const routes = await routesOf(host);
    expect((await daemon.apply(hostTwo, keyOfOne)).actions.map(({ kind }) => kind)).toEqual([
      "remove-peer",
      "add-peer",
    ]);
    const [fresh] = (await daemon.observe()).peers;
    expect(fresh).toMatchObject({ endpoint: before?.endpoint, allowedIps: before?.allowedIps, receivedBytes: 0 });
    expect(fresh?.latestHandshakeSeconds).toBe(0);
    expect(await routesOf(host)).toBe(routes);
    await answers(host, "10.99.0.1", "fd00:77::1");
    expect(await daemon.converged(hostTwo)).toBe(true);
  });

  const moves: readonly (readonly [string, readonly string[]])[] = [
    [
      "has another address on the same interface",
      ["ip address delete 192.0.2.1/24 dev eth0; ip address add 192.0.2.9/24 dev eth0"],
    ],
    [
      "has another way out, and its old address still",
      [
        "ip address add 198.51.100.1/24 dev eth1; ip link set eth1 up; ip route replace 192.0.2.2/32 via 198.51.100.2 dev eth1",
        "ip address add 198.51.100.2/24 dev eth1; ip link set eth1 up",
      ],
    ],
  ];
  test.each(moves)("stay in touch without a new handshake when one is bound anew that %s", async (_title, scripts) => {
    const [[host, other], [daemon]] = [hosts, daemons];
    await cable(host, "eth1", other, "eth1");
    const pinging = new Pinging(host, "10.99.0.2");
    await pinging.answers(10);
    const [before] = (await daemon.observe()).peers;
    for (const [index, script] of scripts.entries()) await hosts[index]?.run("sh", "-c", script);
    await daemon.rebind();
    await pinging.answers(50);
    await pinging.stop();
    const { peers, listenPort } = await daemon.observe();
    expect(listenPort).toBe(hostOne.listenPort);
    // What WireGuard does by itself after 15 s of silence is a handshake.
    expect(peers[0]?.latestHandshakeSeconds).toBe(before?.latestHandshakeSeconds);
    expect(await daemon.converged(hostOne)).toBe(true);
  });
});
