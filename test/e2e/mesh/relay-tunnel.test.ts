import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireGuardConfig } from "../../../src/adapters/wireguard/config.ts";
import { ping, RelayDaemon } from "./relay-host.ts";
import { cable, type Daemon, Host } from "./wireguard-host.ts";
import { makeKeys, whyNoWireGuard } from "./wireguard-pair.ts";

const programs = ["/usr/sbin/nft", "/usr/bin/ping", "/usr/bin/ss"];
const missing = programs.filter((path) => !existsSync(path));
const why = missing.length > 0 ? `needs ${missing.join(", ")}` : await whyNoWireGuard();
if (why !== undefined && process.env["CI"] === "true") throw new Error(`relaying cannot be tested here: ${why}`);

const keys = [makeKeys(), makeKeys(), makeKeys()] as const;
/** Of the relay, of the one and of the other. */
const addresses = [1, 2, 3].map((number) => [`10.99.0.${number}`, `fd00:77::${number}`] as const);
const bytes = 4_000_000;

function networks(...members: readonly number[]): readonly string[] {
  return members.flatMap((member) => {
    const [four, six] = addresses[member] ?? [];
    return [`${four}/32`, `${six}/128`];
  });
}

function configOf(member: 0 | 1 | 2, mtu: number): WireGuardConfig {
  const own = { privateKey: keys[member].privateKey, listenPort: 51_820, addresses: networks(member), mtu };
  if (member === 0) {
    return {
      ...own,
      peers: [
        { publicKey: keys[1].publicKey, allowedIps: networks(1) },
        { publicKey: keys[2].publicKey, allowedIps: networks(2) },
      ],
    };
  }
  const relay = { publicKey: keys[0].publicKey, allowedIps: networks(0, 3 - member) };
  return { ...own, peers: [{ ...relay, endpoint: `192.0.${member}.1:51820`, keepaliveSeconds: 25 }] };
}

/** Takes what comes until its end, and says how much it was and what the kernel knows of the connection. */
const server = `
  const { execFileSync } = require("node:child_process");
  require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on("data", (chunk) => { bytes += chunk.length; }).on("end", () => {
      const facts = execFileSync("ss", ["-tinH", "sport = :9000"], { encoding: "utf8" });
      socket.end(JSON.stringify({ bytes, facts }), () => process.exit());
    });
  }).listen(9000, () => console.log("listening"));`;

const client = `
  const [address, bytes] = process.argv.slice(1);
  const socket = require("node:net").connect(9000, address);
  socket.pipe(process.stdout);
  socket.end(Buffer.alloc(Number(bytes)));`;

describe.skipIf(why !== undefined)(`a relayed tunnel${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let hosts: readonly Host[] = [];
  let daemons: readonly Daemon[] = [];
  let relay: RelayDaemon | undefined;

  beforeEach(async () => {
    const [middle, one, other] = [await Host.open(), await Host.open(), await Host.open()];
    hosts = [middle, one, other];
    for (const [index, host] of [one, other].entries()) {
      await cable(middle, `eth${index}`, host, "eth0");
      await middle.run("ip", "address", "add", `192.0.${index + 1}.1/24`, "dev", `eth${index}`);
      await host.run("ip", "address", "add", `192.0.${index + 1}.2/24`, "dev", "eth0");
    }
    daemons = hosts.map((host) => host.startDaemon());
    relay = new RelayDaemon(middle);
  });

  afterEach(async () => {
    await relay?.end();
    for (const daemon of daemons) await daemon.end();
    for (const host of hosts) await host.close();
    [hosts, daemons, relay] = [[], [], undefined];
  });

  test.each([1280, 1420])("carries packets and segments as large as an MTU of %i has room for", async (mtu) => {
    const [, one, other] = hosts;
    if (one === undefined || other === undefined) throw new Error("it is not set up");
    for (const member of [0, 1, 2] as const) await daemons[member]?.apply(configOf(member, mtu));
    expect((await relay?.apply({ enabled: true, addresses: addresses.flat() }))?.report).toEqual({ active: true });
    for (const [to, headers] of [
      ["10.99.0.3", 28],
      ["fd00:77::3", 48],
    ] as const) {
      await expect.poll(() => ping(one, to)).toBe(3);
      expect(await ping(one, to, "-M", "do", "-s", String(mtu - headers)), to).toBe(3);
      expect(await ping(one, to, "-M", "do", "-s", String(mtu - headers + 1)), to).toBe(0);
      const said = await send(other, one, to);
      expect(said.bytes).toBe(bytes);
      // A header of TCP has 12 bytes more than one of ICMP, and 12 bytes of timestamps (RFC 7323).
      const segment = mtu - headers - 24;
      expect(said.facts).toMatch(new RegExp(` mss:${segment} .*rcvmss:${segment} `));
    }
  });
});

async function send(to: Host, from: Host, address: string): Promise<{ bytes: number; facts: string }> {
  // As soon as it listens; the process itself stays.
  const script = `mkfifo /run/ready; (${process.execPath} -e "$1" > /run/ready 2>&1 &); head -n 1 /run/ready; rm /run/ready`;
  await to.run("sh", "-c", script, "sh", server);
  return JSON.parse(await from.run(process.execPath, "-e", client, address, String(bytes))) as {
    bytes: number;
    facts: string;
  };
}
