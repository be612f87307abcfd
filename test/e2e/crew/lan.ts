import { execFile, spawn, type ChildProcess } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why no network namespaces can be had here; undefined when they can. */
export async function whyNoLan(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need root on Linux";
  const probe = `homie-probe-${process.pid}`;
  try {
    await run("ip", ["netns", "add", probe]);
    await run("ip", ["netns", "delete", probe]);
    return undefined;
  } catch (error) {
    return `ip netns does not work (Debian's iproute2 has it): ${String(error)}`;
  }
}

/** A switch with hosts on it, and a router to a second network; all of it in namespaces of its own. */
export class Lan {
  readonly #prefix: string;
  readonly #namespaces: string[] = [];

  constructor(name: string) {
    this.#prefix = `homie-${name}-${process.pid}`;
  }

  /** The namespace of the switch, where everything passes by. */
  get middle(): string {
    return `${this.#prefix}-lan`;
  }

  async open(): Promise<void> {
    await this.#addNamespace(this.middle);
    await this.inside(this.middle, ["ip", "link", "add", "br0", "type", "bridge"]);
    await this.inside(this.middle, ["ip", "address", "add", "10.77.0.254/24", "dev", "br0"]);
    await this.inside(this.middle, ["ip", "link", "set", "br0", "up"]);
    await this.inside(this.middle, ["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  }

  /** A host on the switch. Answers its namespace. */
  async addHost(name: string, address: string): Promise<string> {
    const { namespace, port } = await this.#plug(name, address, "10.77.0.254");
    await this.inside(this.middle, ["ip", "link", "set", port, "master", "br0", "up"]);
    return namespace;
  }

  /** A host behind the router: no broadcast reaches it. `address` is in a network of its own that ends in .254. */
  async addFarHost(name: string, address: string): Promise<string> {
    const gateway = address.replace(/\d+$/, "254");
    const { namespace, port } = await this.#plug(name, address, gateway);
    await this.inside(this.middle, ["ip", "address", "add", `${gateway}/24`, "dev", port]);
    await this.inside(this.middle, ["ip", "link", "set", port, "up"]);
    return namespace;
  }

  async moveHost(namespace: string, address: string): Promise<void> {
    await this.inside(namespace, ["ip", "address", "flush", "dev", "eth0"]);
    await this.inside(namespace, ["ip", "address", "add", `${address}/24`, "broadcast", "+", "dev", "eth0"]);
    await this.inside(namespace, ["ip", "route", "add", "default", "via", "10.77.0.254"]);
  }

  /** Pulls the cable of a host, or puts it in again. */
  async setCable(name: string, state: "up" | "down"): Promise<void> {
    await this.inside(this.middle, ["ip", "link", "set", `to-${name}`, state]);
  }

  /** Ends everything that runs on a host, as pulling its plug does. */
  async powerOff(namespace: string): Promise<void> {
    for (const pid of (await run("ip", ["netns", "pids", namespace])).stdout.split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  }

  async inside(namespace: string, command: readonly string[]): Promise<string> {
    return (await run("ip", ["netns", "exec", namespace, ...command])).stdout;
  }

  spawn(namespace: string, command: readonly string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["ignore", "pipe", "inherit"] });
  }

  async close(): Promise<void> {
    for (const namespace of this.#namespaces.splice(0)) await run("ip", ["netns", "delete", namespace]);
  }

  async #addNamespace(namespace: string): Promise<void> {
    await run("ip", ["netns", "add", namespace]);
    this.#namespaces.push(namespace);
    await this.inside(namespace, ["ip", "link", "set", "lo", "up"]);
  }

  async #plug(name: string, address: string, gateway: string): Promise<{ namespace: string; port: string }> {
    const namespace = `${this.#prefix}-${name}`;
    const port = `to-${name}`;
    await this.#addNamespace(namespace);
    const ends = ["type", "veth", "peer", "name", "eth0", "netns", namespace];
    await this.inside(this.middle, ["ip", "link", "add", port, ...ends]);
    await this.inside(namespace, ["ip", "address", "add", `${address}/24`, "broadcast", "+", "dev", "eth0"]);
    await this.inside(namespace, ["ip", "link", "set", "eth0", "up"]);
    await this.inside(namespace, ["ip", "route", "add", "default", "via", gateway]);
    return { namespace, port };
  }
}

const python = `
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
while True:
    sys.stdout.buffer.write(wire.recv(65535)); sys.stdout.buffer.flush()
`;

/** A program that writes every packet of its namespace to stdout; undefined where there is none. */
export async function findSniffer(): Promise<readonly string[] | undefined> {
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await isThere("/usr/bin/tcpdump")) return ["tcpdump", "-i", "br0", "-U", "-s", "0", "-w", "-"];
  return (await isThere("/usr/bin/python3")) ? ["/usr/bin/python3", "-c", python] : undefined;
}
