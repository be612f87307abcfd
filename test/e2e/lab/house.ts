import type { Keeper } from "./keeper.ts";
import type { LabHost } from "./host.ts";
import { LanHost, type LanSwitch } from "./lan-host.ts";
import { type Carrier, loadNat, Router, type RouterParts } from "./router.ts";
import { runIp } from "./run.ts";
import { removeLink, waitUntilUp } from "./wire.ts";

/** Conntrack sees only what is routed: not what passes between two machines of the house. */
export const houseSetup = `
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then sysctl -qw net.bridge.bridge-nf-call-iptables=0; fi
ip link add lan type bridge
ip link set lan up
`;

/** Addresses of a house: the router has the first, machines have those from `firstHost` on. */
export interface LanRange {
  readonly base: string;
  readonly network: number;
  readonly prefix: number;
  readonly firstHost: number;
}

export interface HouseParts extends RouterParts {
  readonly range: LanRange;
  readonly carrier: Carrier | undefined;
  /** Where machines have their homes. */
  readonly directory: string;
  /** All machines of the lab, for whoever closes it. */
  readonly hosts: LabHost[];
}

/** A router with a switch behind it, and the machines on that. */
export class LabHouse extends Router implements LanSwitch {
  readonly #parts: HouseParts;
  #plugged = 0;

  private constructor(name: string, parts: HouseParts) {
    super(name, parts);
    this.#parts = parts;
  }

  static async open(name: string, parts: HouseParts): Promise<LabHouse> {
    const { base, network, prefix } = parts.range;
    await runIp(parts.keeper, [`address add ${base}.${network + 1}/${prefix} brd + dev lan`]);
    await loadNat(parts.keeper, parts.nat);
    return new LabHouse(name, parts);
  }

  outside(): readonly string[] {
    const { networks = [] } = this.wire.end;
    return this.#parts.carrier?.outside() ?? [this.address, ...networks];
  }

  async addHost(name: string, config: Readonly<Record<string, string | number>> = {}): Promise<LanHost> {
    if (this.#parts.hosts.some((host) => host.name === name)) throw new Error(`${name} is there already`);
    const host = await LanHost.open(this, name, { directory: this.#parts.directory, config });
    this.#parts.hosts.push(host);
    return host;
  }

  async plug(host: Keeper, origin?: { readonly keeper: Keeper; readonly port: string }): Promise<string> {
    this.#plugged += 1;
    const port = `port${this.#plugged}`;
    if (origin === undefined)
      await runIp(undefined, [`link add ${port} netns ${this.keeper.pid} type veth peer name eth0 netns ${host.pid}`]);
    else {
      await runIp(origin.keeper, [`link set ${origin.port} down nomaster`]);
      await runIp(origin.keeper, [`link set ${origin.port} netns ${this.keeper.pid} name ${port}`]);
    }
    await runIp(host, ["link set eth0 up"]);
    await runIp(this.keeper, [`link set ${port} master lan up`, "neighbour flush all"]);
    await Promise.all([waitUntilUp(this.keeper, port), waitUntilUp(host, "eth0")]);
    return port;
  }

  async unplug(port: string): Promise<void> {
    await removeLink(this.keeper, port);
  }

  takeAddress(): { readonly address: string; readonly gateway: string } {
    const { base, network, prefix, firstHost } = this.#parts.range;
    const address = `${base}.${network + firstHost + this.#plugged}/${prefix}`;
    return { address, gateway: `${base}.${network + 1}` };
  }
}
