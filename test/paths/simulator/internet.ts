import type { Agenda } from "../../gossip/simulator/agenda.ts";
import { Router } from "./router.ts";
import type { Packet } from "./wireguard.ts";

/** Devices that hear each other: the internet itself, a carrier's network or a LAN. */
export class Segment {
  readonly devices = new Map<string, Host | Router>();
  /** Absent: this is the internet. */
  gateway: Router | undefined;
}

export interface HostOptions {
  readonly segment: Segment;
  readonly address: string;
  readonly latencyMs: number;
}

export class Host {
  segment: Segment;
  address: string;
  readonly #latencyMs: number;
  isCut = false;
  /** Connections of it live as long as this stays. */
  epoch = 0;
  /** Hosts of two groups do not reach each other. */
  group = 0;
  /** Nor those, whatever their groups. */
  readonly severed = new Set<Host>();
  receive: (source: string, packet: Packet) => void = () => undefined;

  constructor({ segment, address, latencyMs }: HostOptions) {
    this.segment = segment;
    this.address = address;
    this.#latencyMs = latencyMs;
    segment.devices.set(address, this);
  }

  move(segment: Segment, address: string): void {
    this.segment.devices.delete(this.address);
    this.segment = segment;
    this.address = address;
    segment.devices.set(address, this);
    this.epoch += 1;
  }

  isApartFrom(other: Host): boolean {
    return this.isCut || other.isCut || this.group !== other.group || this.severed.has(other);
  }

  get latencyMs(): number {
    return this.segment.gateway?.latencyMs ?? this.#latencyMs;
  }

  /** Of its networks, the innermost first. */
  get routers(): readonly Router[] {
    const routers: Router[] = [];
    for (let router = this.segment.gateway; router !== undefined; router = router.outside.gateway) routers.push(router);
    return routers;
  }
}

interface Flight {
  readonly from: Host;
  readonly source: string;
  readonly destination: string;
  readonly packet: Packet;
}

const lanMs = 0.5;

export class Internet {
  readonly root = new Segment();
  loss = 0;
  readonly #agenda: Agenda;
  readonly #random: () => number;

  constructor(agenda: Agenda, random: () => number) {
    this.#agenda = agenda;
    this.#random = random;
  }

  send(from: Host, port: number, destination: string, packet: Packet): void {
    if (from.isCut || this.#random() < this.loss) return;
    this.#climb({ from, source: `${from.address}:${port}`, destination, packet }, from.segment);
  }

  /** What a TCP connection depends on; undefined: none comes about. */
  connection(from: Host, to: Host): string | undefined {
    if (from.isApartFrom(to)) return undefined;
    const gone: Router[] = [];
    for (let segment = from.segment; ;) {
      if (segment === to.segment) return [from, to, ...gone].map(({ epoch }) => epoch).join(" ");
      const router = segment.gateway;
      if (router === undefined || router.isCut) return undefined;
      gone.push(router);
      segment = router.outside;
    }
  }

  delayBetween(from: Host, to: Host): number {
    if (from.segment === to.segment && from.segment.gateway !== undefined) return lanMs;
    return from.latencyMs + to.latencyMs + this.#random() * 2;
  }

  #climb(flight: Flight, segment: Segment): void {
    const [address = ""] = flight.destination.split(":");
    const device = segment.devices.get(address);
    if (device !== undefined) {
      const isLan = segment === flight.from.segment && segment.gateway !== undefined;
      const delayMs = isLan ? lanMs : flight.from.latencyMs + device.latencyMs + this.#random() * 2;
      this.#agenda.at(this.#agenda.nowMs + delayMs, () => this.#descend(flight, device));
      return;
    }
    const router = segment.gateway;
    // Nobody gets out and in again.
    if (router === undefined || router.wan === address) return;
    const source = router.outbound(flight.source, flight.destination, this.#agenda.nowMs);
    if (source !== undefined) this.#climb({ ...flight, source }, router.outside);
  }

  #descend(flight: Flight, device: Host | Router): void {
    const { from, source, destination, packet } = flight;
    if (device instanceof Router) {
      const inside = device.inbound(source, Number(destination.split(":")[1]), this.#agenda.nowMs);
      const next = inside === undefined ? undefined : device.inside.devices.get(inside.split(":")[0] ?? "");
      if (inside !== undefined && next !== undefined) this.#descend({ ...flight, destination: inside }, next);
      return;
    }
    if (!device.isApartFrom(from)) device.receive(source, packet);
  }
}
