import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { promisify } from "node:util";
import type { WireGuardConfig } from "../../../src/adapters/wireguard/config.ts";
import type { WireGuardDump } from "../../../src/adapters/wireguard/parse-dump.ts";
import type { WireGuardChanges } from "../../../src/adapters/wireguard/wireguard.ts";
import { Keeper, killChildOf, machineSpaces } from "../lab/keeper.ts";
import { waitUntilUp } from "../lab/wire.ts";

const run = promisify(execFile);
const program = new URL("wireguard-daemon.ts", import.meta.url).pathname;

/** A refusal of the adapter, as it went over the pipe. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/**
 * A machine: network, processes, mounts and /run of its own. All of it hangs on one process that ends with its stdin, so
 * nothing is left even if the test is killed.
 */
export class Host {
  readonly home: string;
  readonly #keeper: Keeper;

  private constructor(home: string, keeper: Keeper) {
    this.home = home;
    this.#keeper = keeper;
  }

  static async open(): Promise<Host> {
    const home = await mkdtemp(join(tmpdir(), "homie-wireguard-"));
    return new Host(home, await Keeper.open(machineSpaces, "mount -t tmpfs tmpfs /run\nip link set lo up"));
  }

  /** The first process inside, by its number outside. */
  get pid(): number {
    return this.#keeper.pid;
  }

  get directory(): string {
    return join(this.home, "wireguard");
  }

  inside(command: readonly string[]): readonly string[] {
    return this.#keeper.inside(command);
  }

  async run(...command: readonly string[]): Promise<string> {
    const [nsenter = "", ...args] = this.inside(command);
    return (await run(nsenter, args)).stdout;
  }

  /** Until the cable is in, as the kernel sees it. */
  waitUntilUp(device: string): Promise<void> {
    return waitUntilUp(this.#keeper, device);
  }

  /** Programs that live in the machine, by their command lines; those that only wait to be reaped have none. */
  async programs(): Promise<readonly string[]> {
    const script = "for each in /proc/[0-9]*; do tr '\\0' ' ' < $each/cmdline; echo; done 2> /dev/null";
    return (await this.run("sh", "-c", script)).split("\n").filter((line) => line !== "");
  }

  startDaemon(prefix: readonly string[] = []): Daemon {
    const [nsenter = "", ...args] = this.inside([...prefix, process.execPath, program, this.directory]);
    return new Daemon(spawn(nsenter, args, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  async close(): Promise<void> {
    await this.#keeper.close();
    await rm(this.home, { recursive: true });
  }
}

/** The adapter in a process of its own, inside a host. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error("stdout is a pipe");
    const lines: Interface = createInterface({ input: child.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async apply(config: WireGuardConfig, ...renewed: readonly string[]): Promise<WireGuardChanges> {
    return (await this.#ask({ op: "apply", config, renewed })) as WireGuardChanges;
  }

  async converged(config: WireGuardConfig): Promise<boolean> {
    return (await this.#ask({ op: "converged", config })) as boolean;
  }

  async rebind(): Promise<void> {
    await this.#ask({ op: "rebind" });
  }

  async observe(): Promise<WireGuardDump> {
    return (await this.#ask({ op: "observe" })) as WireGuardDump;
  }

  async remove(): Promise<void> {
    await this.#ask({ op: "remove" });
  }

  async refuse(config: WireGuardConfig): Promise<Refusal> {
    const { error } = await this.#exchange({ op: "apply", config, renewed: [] });
    if (error === undefined) throw new Error("it was not refused");
    return error;
  }

  /** As `kill -9` does it. */
  async crash(): Promise<void> {
    await killChildOf(this.#child);
  }

  async end(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }

  async #ask(request: unknown): Promise<unknown> {
    const { value, error } = await this.#exchange(request);
    if (error !== undefined) throw new Error(`${error.code}: ${error.message} (${error.hint ?? "no hint"})`);
    return value;
  }

  async #exchange(request: unknown): Promise<{ value?: unknown; error?: Refusal }> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the daemon ended");
    return JSON.parse(value) as { value?: unknown; error?: Refusal };
  }
}

/** A hundred datagrams a second; counts what comes back. */
export class Pinging {
  readonly #child: ChildProcess;
  readonly #sequence: number[] = [];
  #wake: (() => void) | undefined;

  constructor(host: Host, address: string) {
    const [nsenter = "", ...args] = host.inside(["/bin/busybox", "ping", "-i", "0.01", address]);
    this.#child = spawn(nsenter, args, { stdio: ["ignore", "pipe", "inherit"] });
    if (this.#child.stdout === null) throw new Error("stdout is a pipe");
    this.#child.once("exit", () => this.#wake?.());
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const [, number] = / seq=(\d+) /.exec(line) ?? [];
      if (number === undefined) return;
      this.#sequence.push(Number(number));
      this.#wake?.();
    });
  }

  /** Waits until this many more have come back. */
  async answers(count: number): Promise<void> {
    const goal = this.#sequence.length + count;
    while (this.#sequence.length < goal) {
      if (this.#child.exitCode !== null) throw new Error("ping has ended");
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Ends it. Answers how many came back, and how many before the last of them did not. */
  async stop(): Promise<{ readonly received: number; readonly lost: number }> {
    await killChildOf(this.#child);
    const [first = 0, last = 0] = [this.#sequence[0], this.#sequence.at(-1)];
    const received = new Set(this.#sequence).size;
    return { received, lost: last - first + 1 - received };
  }
}

/** A cable between two hosts; packets pass when this ends. */
export async function cable(one: Host, device: string, other: Host, otherDevice: string): Promise<void> {
  const ends = ["name", device, "type", "veth", "peer", "name", otherDevice, "netns", String(other.pid)];
  // In the network of one host, and where the number of the other still means something.
  await run("nsenter", ["--target", String(one.pid), "--net", "--", "ip", "link", "add", ...ends]);
  await one.run("ip", "link", "set", device, "up");
  await other.run("ip", "link", "set", otherDevice, "up");
  await one.waitUntilUp(device);
  await other.waitUntilUp(otherDevice);
}

/** A cable from eth0 to eth0, with addresses. */
export async function connect(one: Host, other: Host): Promise<void> {
  await cable(one, "eth0", other, "eth0");
  await one.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0");
  await other.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0");
}
