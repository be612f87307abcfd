import type { Endpoint } from "../adapters/tls/endpoint.ts";
import { openBeaconSocket, type BeaconSocket } from "../adapters/udp/beacon-socket.ts";
import type { Logger } from "../reconciler/types.ts";
import type { KeyRing } from "../trust/group-secret.ts";
import { nodeIdOf } from "../trust/identity.ts";
import type { CrewSelf } from "./crew-self.ts";

export interface CrewBeaconsOptions {
  /** 0: no beacons. */
  readonly port: number;
  readonly keys: KeyRing;
  /** PKCS #8 DER, base64. */
  readonly identityKey: string;
  readonly self: CrewSelf;
  /** 0 while nothing listens: there is nothing to tell then. */
  readonly listenPort: () => number;
  readonly log: Logger;
  readonly onHint: (node: string, endpoint: Endpoint) => void;
}

const intervalMs = 5_000;

/** Says every 5 s where this machine listens, and hears the others. */
export class CrewBeacons {
  readonly #options: CrewBeaconsOptions;
  #socket: BeaconSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CrewBeaconsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { port, keys, identityKey, log, onHint } = this.#options;
    if (port === 0) return;
    this.#timer = setInterval(() => this.send(), intervalMs).unref();
    try {
      this.#socket = await openBeaconSocket({
        ...{ port, keys, identityKey, log },
        onBeacon: (beacon, host) => onHint(nodeIdOf(beacon.identity), { host, port: beacon.port }),
      });
      this.send();
    } catch (error) {
      const hint = "peers of this network are not found by themselves; `homie add HOST` works, or set discovery_port";
      log.error("cannot hear beacons", { port, error, hint });
    }
  }

  send(): void {
    const port = this.#options.listenPort();
    if (port !== 0) this.#socket?.send({ port, ...this.#options.self.nextNumber() });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#socket?.close();
  }
}
