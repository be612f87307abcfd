import type { Segment } from "./internet.ts";

/** Full cone: anybody gets in. Restricted: who was spoken to, from any port. Cone: from that port only. Symmetric: a port for each. */
export type RouterKind = "full-cone" | "restricted" | "cone" | "symmetric" | "udp-blocked";

interface Mapping {
  readonly port: number;
  readonly inside: string;
  usedMs: number;
  /** Who was spoken to, and when last. */
  readonly spokenTo: Map<string, number>;
}

export interface RouterOptions {
  readonly kind: RouterKind;
  readonly outside: Segment;
  readonly inside: Segment;
  readonly wan: string;
  readonly random: () => number;
  /** One way, to the middle of the internet. */
  readonly latencyMs: number;
  /** Mappings that nobody uses are forgotten after that. */
  readonly idleMs: number;
}

/** Translates addresses, and lets nobody go out and in again. */
export class Router {
  readonly kind: RouterKind;
  readonly outside: Segment;
  readonly inside: Segment;
  readonly latencyMs: number;
  wan: string;
  isCut = false;
  /** Connections through it live as long as this stays. */
  epoch = 0;
  readonly #idleMs: number;
  readonly #random: () => number;
  readonly #mappings = new Map<string, Mapping>();
  readonly #byPort = new Map<number, string>();

  constructor({ kind, outside, inside, wan, random, latencyMs, idleMs }: RouterOptions) {
    this.kind = kind;
    this.outside = outside;
    this.inside = inside;
    this.wan = wan;
    this.latencyMs = latencyMs;
    this.#idleMs = idleMs;
    this.#random = random;
    outside.devices.set(wan, this);
    inside.gateway = this;
  }

  /** Where the packet seems to come from, outside. */
  outbound(source: string, destination: string, nowMs: number): string | undefined {
    if (this.kind === "udp-blocked" || this.isCut) return undefined;
    const key = this.kind === "symmetric" ? `${source} ${destination}` : source;
    const mapping = this.#live(key, nowMs) ?? this.#map(key, source);
    mapping.usedMs = nowMs;
    mapping.spokenTo.set(this.#filterKey(destination), nowMs);
    return `${this.wan}:${mapping.port}`;
  }

  /** Whom the packet is for, inside. */
  inbound(source: string, port: number, nowMs: number): string | undefined {
    if (this.kind === "udp-blocked" || this.isCut) return undefined;
    const key = this.#byPort.get(port);
    const mapping = key === undefined ? undefined : this.#live(key, nowMs);
    if (mapping === undefined) return undefined;
    const filter = this.#filterKey(source);
    const spokenMs = mapping.spokenTo.get(filter);
    if (this.kind !== "full-cone" && (spokenMs === undefined || nowMs - spokenMs > this.#idleMs)) return undefined;
    mapping.usedMs = nowMs;
    if (spokenMs !== undefined) mapping.spokenTo.set(filter, nowMs);
    return mapping.inside;
  }

  forget(): void {
    this.#mappings.clear();
    this.#byPort.clear();
    this.epoch += 1;
  }

  renumber(wan: string): void {
    this.outside.devices.delete(this.wan);
    this.wan = wan;
    this.outside.devices.set(wan, this);
    this.forget();
  }

  #live(key: string, nowMs: number): Mapping | undefined {
    const mapping = this.#mappings.get(key);
    if (mapping === undefined || nowMs - mapping.usedMs <= this.#idleMs) return mapping;
    this.#mappings.delete(key);
    this.#byPort.delete(mapping.port);
    return undefined;
  }

  #map(key: string, inside: string): Mapping {
    const own = Number(inside.split(":")[1]);
    let port = this.kind === "symmetric" ? 0 : own;
    while (port === 0 || this.#byPort.has(port)) port = 20_000 + Math.floor(this.#random() * 40_000);
    const mapping = { port, inside, usedMs: 0, spokenTo: new Map<string, number>() };
    this.#mappings.set(key, mapping);
    this.#byPort.set(port, key);
    return mapping;
  }

  #filterKey(endpoint: string): string {
    return this.kind === "restricted" ? (endpoint.split(":")[0] ?? "") : endpoint;
  }
}
