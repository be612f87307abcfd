import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Crossing, type Site } from "./crossing.ts";
import type { LabHost } from "./host.ts";
import { houseSetup, type HouseParts, LabHouse, type LanRange } from "./house.ts";
import type { Keeper } from "./keeper.ts";
import type { NatKind, NatOptions } from "./nat.ts";
import { PublicHost } from "./public-host.ts";
import { Carrier, loadNat } from "./router.ts";
import { run } from "./run.ts";
import type { WireConditions } from "./wire.ts";

export interface HouseOptions {
  readonly nat: NatKind;
  /** Behind its NAT instead of on the internet. */
  readonly carrier?: Carrier;
  /** First three numbers of the /24 inside, 192.168.1 unless said: houses may well have the same. */
  readonly lan?: string;
  /** How long the router remembers a UDP mapping; 120, as Linux does. */
  readonly udpTimeoutSeconds?: number;
}

/** Removes the directory when the lab ends, also if that was a `kill -9` of the tests. What dies may still write. */
const janitor = `cat >/dev/null
for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf --one-file-system -- "$1" && exit; sleep 0.2; done`;

/** An internet, houses and machines of friends. Nothing of it is outside of its own namespaces and its directory. */
export class Lab {
  readonly directory: string;
  readonly internet: Crossing;
  readonly #janitor: ChildProcess;
  readonly #keepers: Keeper[] = [];
  readonly #hosts: LabHost[] = [];
  readonly #sites: Site[] = [];
  #carriers = 0;
  #customers = 0;
  #publicHouses = 0;
  #addresses = 9;

  private constructor(directory: string, internet: Crossing, janitor: ChildProcess) {
    this.directory = directory;
    this.internet = internet;
    this.#janitor = janitor;
    this.#keepers.push(internet.keeper);
  }

  static async open(): Promise<Lab> {
    const directory = await mkdtemp(join(tmpdir(), "homie-lab-"));
    const argv = ["-c", janitor, "janitor", directory];
    const cleaner = spawn("sh", argv, { stdio: ["pipe", "ignore", "ignore"], detached: true });
    await writePrograms(join(directory, "bin"));
    return new Lab(directory, new Crossing(await Crossing.openKeeper(), "203.0.113.254"), cleaner);
  }

  get hosts(): readonly LabHost[] {
    return this.#hosts;
  }

  host(name: string): LabHost {
    const host = this.#hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`no machine is called ${name}`);
    return host;
  }

  async addPublicHost(name: string, config: Readonly<Record<string, string | number>> = {}): Promise<PublicHost> {
    this.#claim(name);
    const seat = { crossing: this.internet, address: this.#nextAddress() };
    const host = await PublicHost.open(seat, name, { directory: this.directory, config });
    this.#hosts.push(host);
    this.#sites.push(host);
    return host;
  }

  async addCarrier(name: string, kind: "cone" | "symmetric"): Promise<Carrier> {
    this.#claim(name);
    const nat: NatOptions = { kind, inside: "to-*", udpTimeoutSeconds: 120 };
    const keeper = await this.#openRouter();
    const end = { keeper, device: "wan", address: this.#nextAddress() };
    const wire = await this.internet.attach(name, end);
    await loadNat(keeper, nat);
    this.#carriers += 1;
    const inner = new Crossing(keeper, `100.64.${this.#carriers}.254`);
    const carrier = new Carrier(name, { crossing: this.internet, keeper, wire, nat }, inner);
    this.#sites.push(carrier);
    return carrier;
  }

  async addHouse(name: string, options: HouseOptions): Promise<LabHouse> {
    this.#claim(name);
    const { carrier } = options;
    const crossing = carrier?.inner ?? this.internet;
    const keeper = await this.#openRouter(houseSetup);
    const range = this.#rangeOf(options);
    const address = carrier === undefined ? this.#nextAddress() : this.#nextCustomer(carrier);
    const networks = options.nat === "none" ? [`${range.base}.${range.network}/${range.prefix}`] : [];
    const wire = await crossing.attach(name, { keeper, device: "wan", address, networks });
    const nat = { kind: options.nat, inside: "lan", udpTimeoutSeconds: options.udpTimeoutSeconds ?? 120 };
    const belongings = { directory: this.directory, hosts: this.#hosts, carrier, range };
    const parts: HouseParts = { crossing, keeper, wire, nat, ...belongings };
    const house = await LabHouse.open(name, parts);
    this.#sites.push(house);
    return house;
  }

  /** Delay, loss and a bound on speed of a site's wire, each way. What is not named stays as it was. */
  async setWire(site: Site, conditions: WireConditions): Promise<void> {
    await site.crossing.setConditions(site.wire, conditions);
  }

  /**
   * Nothing passes between two sites. Whoever is behind a carrier is told from its other customers on their own side only:
   * of two such sites, the first loses all customers of the other's carrier.
   */
  async partition(one: Site, other: Site): Promise<void> {
    const [mine, far] = this.#inward(one, other);
    await mine.crossing.cut(mine, far);
  }

  async heal(one: Site, other: Site): Promise<void> {
    const [mine, far] = this.#inward(one, other);
    await mine.crossing.heal(mine, far);
  }

  /** The router was off for a moment: its memory is lost, and with `newAddress` its address. */
  async reboot(house: LabHouse | Carrier, options: { readonly newAddress?: boolean } = {}): Promise<void> {
    if (options.newAddress !== true) return house.restart();
    if (house.crossing !== this.internet) throw new Error("the carrier gives a customer the same address again");
    await house.restart(this.#nextAddress());
    // Cuts that others have to it name its address.
    for (const { crossing } of this.#sites) await crossing.applyWeather();
  }

  /** Ends everything and waits until nothing is left. */
  async close(): Promise<void> {
    await Promise.all(this.#hosts.filter((host) => host.isOn).map((host) => host.keeper.close()));
    await Promise.all(this.#keepers.map((keeper) => keeper.close()));
    const cleaned = once(this.#janitor, "exit");
    this.#janitor.stdin?.end();
    await cleaned;
  }

  /** Names are those of interfaces too, which have room for 15 letters, `to-` among them. */
  #claim(name: string): void {
    if (!/^[a-z][a-z0-9-]{0,11}$/.test(name)) throw new Error(`${name} cannot be a name in the lab`);
    if (this.#sites.some((site) => site.name === name)) throw new Error(`${name} is there already`);
  }

  async #openRouter(more = ""): Promise<Keeper> {
    const keeper = await Crossing.openKeeper(more);
    this.#keepers.push(keeper);
    return keeper;
  }

  /** One more of 203.0.113.0/24; nobody gets an address that another had. */
  #nextAddress(): string {
    this.#addresses += 1;
    if (this.#addresses > 250) throw new Error("the internet of the lab is full");
    return `203.0.113.${this.#addresses}`;
  }

  #nextCustomer(carrier: Carrier): string {
    this.#customers += 1;
    return carrier.inner.gateway.replace(/\d+$/, String(this.#customers));
  }

  /** Public houses have 198.51.100.0/28 and so on; the others may have the same addresses inside. */
  #rangeOf({ nat, lan = "192.168.1" }: HouseOptions): LanRange {
    if (nat !== "none") return { base: lan, network: 0, prefix: 24, firstHost: 10 };
    const network = 16 * this.#publicHouses;
    this.#publicHouses += 1;
    if (network > 240) throw new Error("the lab has no more networks for public houses");
    return { base: "198.51.100", network, prefix: 28, firstHost: 2 };
  }

  #inward(one: Site, other: Site): readonly [Site, Site] {
    return one.crossing === this.internet && other.crossing !== this.internet ? [other, one] : [one, other];
  }
}

/** `homie` on the path of every machine: the code as it is. */
async function writePrograms(directory: string): Promise<void> {
  const entry = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
  const program = join(directory, "homie");
  await mkdir(directory);
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${entry}' "$@"\n`);
  await chmod(program, 0o755);
}

/** Why there can be no lab here; undefined when there can. */
export async function whyNoLab(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "a lab of houses needs root on Linux";
  const system = ["unshare", "nsenter", "ip", "tc", "nft", "conntrack", "sysctl", "ping", "wg", "wireguard-go"];
  const programs = [...system, "/usr/bin/python3"];
  const found = (program: string): Promise<boolean> =>
    run(["sh", "-c", 'command -v "$1"', "sh", program]).then(
      () => true,
      () => false,
    );
  const present = await Promise.all(programs.map(found));
  if (!existsSync("/dev/net/tun")) return "a lab of houses needs /dev/net/tun";
  const missing = programs.filter((_, index) => present[index] !== true);
  if (missing.length > 0) return `a lab of houses needs ${missing.join(", ")} (node scripts/engine.ts install)`;
  try {
    await (await Crossing.openKeeper()).close();
    return undefined;
  } catch (error) {
    return `a lab of houses: ${String(error)}`;
  }
}
