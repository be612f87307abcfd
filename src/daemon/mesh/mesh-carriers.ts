import type { Duplex } from "node:stream";
import type { Carrier } from "../../adapters/tls/carrier.ts";
import { carry, type Carrying } from "../../adapters/udp/carry.ts";
import type { Crew } from "../crew.ts";
import type { MeshPaths } from "./mesh-paths.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";

export interface MeshCarriersOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Of WireGuard. */
  readonly port: () => number;
  readonly crew: () => Crew | undefined;
  readonly paths: () => MeshPaths;
  /** Where a member is found has changed. */
  readonly onChange: () => void;
}

/** One that fails is one too few, and each costs keepalives. */
const wanted = 2;
const retryMs = 15_000;
const idleMs = 60_000;
const maxAccepted = 64;

/** Connections in which the packets of tunnels travel where UDP is blocked: asked for by this machine, or by others. */
export class MeshCarriers {
  readonly #options: MeshCarriersOptions;
  readonly #asked = new Map<string, Carrying>();
  readonly #accepted = new Map<string, Carrying>();
  readonly #triedMs = new Map<string, number>();
  #isOpen = true;

  constructor(options: MeshCarriersOptions) {
    this.#options = options;
  }

  /** IP:PORT on this machine, behind which WireGuard reaches the member. */
  placeOf(node: string): string | undefined {
    return this.#asked.get(node)?.endpoint;
  }

  /** Opens what is missing. */
  look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const node of this.#candidates()) {
      if (this.#asked.size >= wanted) return;
      const isDue = nowMs - (this.#triedMs.get(node) ?? -Infinity) >= retryMs;
      if (this.#asked.has(node) || !isDue) continue;
      this.#triedMs.set(node, nowMs);
      void this.#ask(node);
    }
  }

  async accept(node: string, socket: Duplex, head: Uint8Array): Promise<void> {
    this.#accepted.get(node)?.close();
    if (this.#accepted.size >= maxAccepted) return void socket.destroy();
    await this.#begin(this.#accepted, node, { socket, head });
  }

  /** This machine is somewhere else: perhaps UDP gets through there. */
  moved(): void {
    for (const carrying of this.#asked.values()) carrying.close();
    this.#triedMs.clear();
  }

  close(): void {
    this.#isOpen = false;
    for (const carrying of [...this.#asked.values(), ...this.#accepted.values()]) carrying.close();
  }

  /** Those whose TCP port this machine has reached, nearest first; none while UDP gets through. */
  #candidates(): readonly string[] {
    const crew = this.#options.crew();
    const paths = this.#options.paths();
    if (crew === undefined || paths.dump === undefined || paths.facts.nat !== "udp-blocked") return [];
    const isOpen = (node: string): boolean =>
      paths.recordOf(node)?.tunnel?.places.some(({ kind }) => kind === "public" || kind === "mapped") ?? false;
    return crew.transport
      .all()
      .filter(({ dialled, peer }) => dialled && isOpen(peer.node))
      .map(({ peer }) => ({ node: peer.node, rttMs: crew.memberOf(peer.node)?.rttMs ?? Infinity }))
      .toSorted((a, b) => a.rttMs - b.rttMs)
      .map(({ node }) => node);
  }

  async #open(node: string): Promise<Carrier> {
    const crew = this.#options.crew();
    const link = crew?.transport.get(node);
    if (crew === undefined || link === undefined) throw new Error("there is no link to it");
    return await crew.openCarrier({ host: link.peer.remoteAddress, port: link.peer.remotePort }, node);
  }

  async #ask(node: string): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#begin(this.#asked, node, await this.#open(node));
      log.info("UDP does not get through: packets of the tunnel travel in a TLS connection", { node });
    } catch (error) {
      log.debug("a member does not carry packets of the tunnel", { node, error });
    }
  }

  async #begin(list: Map<string, Carrying>, node: string, { socket, head }: Carrier): Promise<void> {
    const { onChange, port } = this.#options;
    const carrying = await carry({
      ...{ socket, head, idleMs },
      wireguardPort: port(),
      onClose: () => {
        if (list.get(node) !== carrying) return;
        list.delete(node);
        if (this.#isOpen) onChange();
      },
    });
    if (!this.#isOpen || socket.destroyed) return carrying.close();
    list.set(node, carrying);
    onChange();
  }
}
