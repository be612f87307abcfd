import type { Crossing, Site } from "./crossing.ts";
import type { Keeper } from "./keeper.ts";
import { type NatOptions, renderNat } from "./nat.ts";
import { run, runIp } from "./run.ts";
import type { Wire } from "./wire.ts";

/** A router with one wire out, `wan`, and a kind of NAT. */
export abstract class Router implements Site {
  readonly name: string;
  readonly crossing: Crossing;
  readonly keeper: Keeper;
  readonly wire: Wire;
  readonly #nat: NatOptions;

  constructor(name: string, parts: RouterParts) {
    this.name = name;
    this.crossing = parts.crossing;
    this.keeper = parts.keeper;
    this.wire = parts.wire;
    this.#nat = parts.nat;
  }

  /** The address of `wan`, which is private behind a carrier. */
  get address(): string {
    return this.wire.end.address;
  }

  abstract outside(): readonly string[];

  /** Everything the router remembers is lost; with an address, it comes back with that one. */
  async restart(address: string = this.address): Promise<void> {
    await runIp(this.keeper, ["link set wan down"]);
    // Before anything can leave again: a datagram of an old flow would note that flow's mapping anew.
    await loadNat(this.keeper, this.#nat);
    await run(this.keeper.inside(["conntrack", "--flush"]));
    if (address !== this.address) await this.wire.reconnect({ ...this.wire.end, address });
    await runIp(this.keeper, [
      "link set wan up",
      `route replace default via ${this.crossing.gateway} dev wan onlink`,
      "neighbour flush all",
    ]);
    await this.crossing.applyWeather();
  }
}

export interface RouterParts {
  readonly crossing: Crossing;
  readonly keeper: Keeper;
  readonly wire: Wire;
  readonly nat: NatOptions;
}

/** Rules, and how long conntrack remembers: Linux says 30 s, and 120 s once there was an answer and then more. */
export async function loadNat(keeper: Keeper, nat: NatOptions): Promise<void> {
  await run(keeper.inside(["nft", "-f", "-"]), renderNat(nat));
  if (nat.kind === "none") return;
  const stream = `net.netfilter.nf_conntrack_udp_timeout_stream=${nat.udpTimeoutSeconds}`;
  const fresh = `net.netfilter.nf_conntrack_udp_timeout=${Math.min(30, nat.udpTimeoutSeconds)}`;
  await run(keeper.inside(["sysctl", "-qw", stream, fresh]));
}

/** A provider that has no public address left for each customer, who cannot reach each other but through the internet. */
export class Carrier extends Router {
  /** Where the customers are. */
  readonly inner: Crossing;

  constructor(name: string, parts: RouterParts, inner: Crossing) {
    super(name, parts);
    this.inner = inner;
  }

  outside(): readonly string[] {
    return [this.address];
  }
}
