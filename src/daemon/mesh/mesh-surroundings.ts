import type { MappingRequest } from "../../adapters/port-mapper/ask-router.ts";
import { PortMapper } from "../../adapters/port-mapper/port-mapper.ts";
import { defaultGateway } from "../../adapters/system/routes.ts";
import { formatEndpoint } from "../../adapters/tls/endpoint.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { NetcheckReport } from "../../resources/network-report.ts";
import { isPublicAddress } from "./public-address.ts";

/** What lies between this machine and the internet, as far as was found out. */
export interface Surroundings {
  /** IP:PORT that a router maps to the tunnel. */
  readonly mapped?: string;
  /** By which protocol, or why not. */
  readonly mapping?: Pick<NetcheckReport["portMapping"], "protocol" | "problem">;
}

export interface MeshSurroundingsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The owner allows it. */
  readonly isWanted: boolean;
  /** Of WireGuard. */
  readonly port: () => number;
  /** IPv4 addresses of this machine. */
  readonly addresses: () => readonly string[];
  /** The owner named a public place already. */
  readonly isNamed: () => boolean;
  readonly onChange: () => void;
}

/** Has the router of this machine map a port to the tunnel, where nobody could reach it otherwise. */
export class MeshSurroundings {
  readonly #options: MeshSurroundingsOptions;
  readonly #mapper: PortMapper | undefined;
  #wished: string;

  constructor(options: MeshSurroundingsOptions) {
    const { clock, log, onChange, isWanted } = options;
    this.#options = options;
    this.#wished = this.#wish();
    const request = (): Promise<MappingRequest | undefined> => this.#request();
    this.#mapper = isWanted ? new PortMapper({ clock, log, request, onChange }) : undefined;
  }

  get seen(): Surroundings {
    const answer = this.#mapper?.answer;
    if (this.#mapper === undefined) return { mapping: { problem: "switched off (port_mapping: false)" } };
    if (answer === undefined) return {};
    if (answer.kind === "none") return { mapping: { problem: `no router here maps ports (${answer.problem})` } };
    const { protocol, host, port } = answer;
    // Behind a second router, or a carrier's, the mapping of the first one leads nowhere.
    if (!isPublicAddress(host))
      return { mapping: { protocol, problem: `the router has a private address itself: ${host}` } };
    return { mapped: formatEndpoint({ host, port }), mapping: { protocol } };
  }

  /** The Network file may name another port, or a place. */
  look(): void {
    const wish = this.#wish();
    if (wish === this.#wished) return;
    this.#wished = wish;
    this.#mapper?.restart();
  }

  moved(): void {
    this.#mapper?.restart();
  }

  async close(): Promise<void> {
    await this.#mapper?.close();
  }

  #wish(): string {
    return `${this.#options.port()} ${this.#options.isNamed()}`;
  }

  async #request(): Promise<MappingRequest | undefined> {
    const { port, addresses, isNamed } = this.#options;
    if (isNamed() || addresses().some((address) => isPublicAddress(address))) return undefined;
    const way = await defaultGateway();
    if (way === undefined || !addresses().includes(way.localHost)) return undefined;
    return { port: port(), ...way };
  }
}
