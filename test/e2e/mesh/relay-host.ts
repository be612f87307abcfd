import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { RelayReport, RelayWish } from "../../../src/adapters/relay/relay.ts";
import { cable, Host } from "./wireguard-host.ts";

const program = new URL("relay-program.ts", import.meta.url).pathname;

interface Answer {
  readonly report?: RelayReport;
  /** What was changed in the machine. */
  readonly changes: readonly string[];
}

/** The adapter in a process of its own, inside a host. */
export class RelayDaemon {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(host: Host, prefix: readonly string[] = [], settings: readonly string[] = []) {
    const [nsenter = "", ...args] = host.inside([...prefix, process.execPath, program, ...settings]);
    this.#child = spawn(nsenter, args, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.#child.stdout === null) throw new Error("stdout is a pipe");
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  apply(wish: RelayWish): Promise<Answer> {
    return this.#ask({ op: "apply", wish });
  }

  remove(): Promise<Answer> {
    return this.#ask({ op: "remove" });
  }

  async end(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }

  async #ask(request: unknown): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the relay's process ended");
    return JSON.parse(value) as Answer;
  }
}

/**
 * A relay with everything a packet could stray to: two members on its homie0, a machine of its LAN on eth0, a container on docker0.
 * The mesh is a cable and a switch: what WireGuard would deliver comes in by homie0 all the same.
 */
export class RelayHouse {
  readonly relay: Host;
  readonly switch: Host;
  readonly one: Host;
  readonly other: Host;
  readonly lan: Host;
  readonly container: Host;

  private constructor(hosts: readonly Host[]) {
    const [relay, middle, one, other, lan, container] = hosts;
    if (!relay || !middle || !one || !other || !lan || !container) throw new Error("six hosts make a house");
    [this.relay, this.switch, this.one, this.other, this.lan, this.container] = [
      relay,
      middle,
      one,
      other,
      lan,
      container,
    ];
  }

  static async open(): Promise<RelayHouse> {
    const hosts: Host[] = [];
    for (let count = 0; count < 6; count += 1) hosts.push(await Host.open());
    const house = new RelayHouse(hosts);
    const { relay, one, other } = house;
    await house.switch.run("ip", "link", "add", "mesh", "type", "bridge");
    await house.switch.run("ip", "link", "set", "mesh", "up");
    for (const [host, device, port] of [
      [relay, "homie0", "p0"],
      [one, "eth0", "p1"],
      [other, "eth0", "p2"],
    ] as const) {
      await cable(house.switch, port, host, device);
      await house.switch.run("ip", "link", "set", port, "master", "mesh");
    }
    await address(relay, "homie0", "10.99.0.1/16", "fd00:77::1/48");
    // Hosts of their own, so that one reaches the other by the relay alone, as with WireGuard.
    await address(one, "eth0", "10.99.0.2/32", "fd00:77::2/128");
    await address(other, "eth0", "10.99.0.3/32", "fd00:77::3/128");
    for (const host of [one, other]) await routeBy(host, "10.99.0.1", "fd00:77::1");
    await cable(relay, "eth0", house.lan, "eth0");
    await address(relay, "eth0", "192.168.7.1/24", "fd00:7::1/64");
    await address(house.lan, "eth0", "192.168.7.2/24", "fd00:7::2/64");
    await routeBy(house.lan, "192.168.7.1", "fd00:7::1");
    await cable(relay, "docker0", house.container, "eth0");
    await address(relay, "docker0", "172.17.0.1/16", "fd00:17::1/64");
    await address(house.container, "eth0", "172.17.0.2/16", "fd00:17::2/64");
    await routeBy(house.container, "172.17.0.1", "fd00:17::1");
    return house;
  }

  async close(): Promise<void> {
    for (const host of [this.one, this.other, this.lan, this.container, this.relay, this.switch]) await host.close();
  }
}

async function address(host: Host, device: string, four: string, six: string): Promise<void> {
  await host.run("ip", "address", "add", four, "dev", device);
  await host.run("ip", "address", "add", six, "dev", device, "nodad");
}

async function routeBy(host: Host, four: string, six: string): Promise<void> {
  await host.run("ip", "route", "add", "default", "via", four, "dev", "eth0", "onlink");
  await host.run("ip", "-6", "route", "add", "default", "via", six, "dev", "eth0", "onlink");
}

/** How many of `count` packets are answered. */
export async function ping(host: Host, to: string, ...options: readonly string[]): Promise<number> {
  // It ends with 1 where nothing came back.
  const command = ["sh", "-c", 'ping -n -q "$@" || true', "ping", "-i", "0.2", "-c", "3", "-W", "1", ...options, to];
  const [, received] = / (\d+) received/.exec(await host.run(...command)) ?? [];
  return Number(received);
}
