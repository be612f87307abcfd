import { Keeper, routerSpaces } from "./keeper.ts";
import { run } from "./run.ts";
import { Wire, type WireConditions, type WireEnd } from "./wire.ts";

/** Whoever has a wire of their own to the internet or to a carrier. */
export interface Site {
  readonly name: string;
  readonly crossing: Crossing;
  readonly wire: Wire;
  /** Networks that its packets come from, as seen from the internet. */
  outside(): readonly string[];
}

const setup = `
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
`;

/** A namespace that routes between sites, with a wire to each. */
export class Crossing {
  readonly keeper: Keeper;
  /** Its own address on every wire. */
  readonly gateway: string;
  readonly #wires: Wire[] = [];
  readonly #cuts: (readonly [Site, Site])[] = [];

  constructor(keeper: Keeper, gateway: string) {
    this.keeper = keeper;
    this.gateway = gateway;
  }

  /** A namespace that forwards; `more` is a script that runs there too. */
  static openKeeper(more = ""): Promise<Keeper> {
    return Keeper.open(routerSpaces, `${setup}${more}`);
  }

  async attach(name: string, end: WireEnd): Promise<Wire> {
    const wire = await Wire.open(this.keeper, this.gateway, name, end);
    this.#wires.push(wire);
    return wire;
  }

  async setConditions(wire: Wire, conditions: WireConditions): Promise<void> {
    await wire.setConditions(conditions);
    await this.applyWeather();
  }

  /** Nothing passes between a site of this crossing and another site, wherever that one is. */
  async cut(mine: Site, other: Site): Promise<void> {
    if (this.#cuts.some(([a, b]) => a === mine && b === other)) return;
    this.#cuts.push([mine, other]);
    await this.applyWeather();
  }

  async heal(mine: Site, other: Site): Promise<void> {
    const index = this.#cuts.findIndex(([a, b]) => a === mine && b === other);
    if (index !== -1) this.#cuts.splice(index, 1);
    await this.applyWeather();
  }

  /** Loss and cuts: rules before those of a carrier, in one piece. */
  async applyWeather(): Promise<void> {
    const lines = [...this.#wires.flatMap(renderLoss), ...this.#cuts.flatMap(renderCut)];
    const chain = `chain forward {\ntype filter hook forward priority -10\n${lines.join("\n")}\n}`;
    const table = `table ip weather\ndelete table ip weather\ntable ip weather {\n${chain}\n}\n`;
    await run(this.keeper.inside(["nft", "-f", "-"]), table);
  }
}

function renderLoss({ port, conditions }: Wire): readonly string[] {
  const lost = Math.round((conditions.loss ?? 0) * 10_000);
  if (lost === 0) return [];
  const die = lost < 10_000 ? `numgen random mod 10000 < ${lost} ` : "";
  return ["iifname", "oifname"].map((side) => `${side} "${port}" ${die}drop`);
}

function renderCut([mine, other]: readonly [Site, Site]): readonly string[] {
  const networks = `{ ${other.outside().join(", ")} }`;
  const { port } = mine.wire;
  return [`iifname "${port}" ip daddr ${networks} drop`, `oifname "${port}" ip saddr ${networks} drop`];
}
