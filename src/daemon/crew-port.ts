import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { openCarrier, type Carrier } from "../adapters/tls/carrier.ts";
import { dial, type DialOptions, type DialOutcome } from "../adapters/tls/dial.ts";
import type { Endpoint } from "../adapters/tls/endpoint.ts";
import type { LinkPeer } from "../adapters/tls/link.ts";
import { listenForPeers, type PeerListener } from "../adapters/tls/listen.ts";
import { TokenBucket, TokenBuckets } from "../adapters/tls/token-bucket.ts";
import type { Clock, Logger } from "../reconciler/types.ts";

export interface CrewPortOptions {
  readonly port: number;
  readonly dialling: DialOptions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly isMember: (node: string) => boolean;
  readonly isBarred: (node: string) => boolean;
  readonly onRequest: (node: string, incoming: IncomingMessage, outgoing: ServerResponse) => void;
  readonly onLink: (socket: Duplex, head: Uint8Array, peer: LinkPeer) => void;
  readonly onCarrier?: (socket: Duplex, head: Uint8Array, node: string) => void;
  readonly onWrongSecret: (node: string, remoteAddress: string) => void;
  readonly onListening: () => void;
}

const maxPeers = 1_024;
/** A small job is about fifteen requests. */
const requestRate = { perSecond: 300, burst: 600 };
const listenRetryMs = 5_000;

export function bucketsFor({ perSecond, burst }: typeof requestRate): TokenBuckets {
  return new TokenBuckets((nowMs) => new TokenBucket(perSecond, burst, nowMs), maxPeers);
}

/** Where others come in, and the way out to them. */
export class CrewPort {
  readonly #options: CrewPortOptions;
  readonly #requests = bucketsFor(requestRate);
  #listener: PeerListener | undefined;

  constructor(options: CrewPortOptions) {
    this.#options = options;
  }

  /** 0 while nothing listens. */
  get number(): number {
    return this.#listener?.port ?? 0;
  }

  /** A port that is taken does not stop the daemon: dialling works without it, and the port may become free. */
  async open(): Promise<void> {
    const { port, clock, log, signal } = this.#options;
    while (!signal.aborted) {
      try {
        const listener = await this.#listen();
        if (signal.aborted) return await listener.close();
        this.#listener = listener;
        log.info("listening for peers", { port: listener.port });
        return this.#options.onListening();
      } catch (error) {
        const hint = "another program has the port; set worker_port in config.yaml";
        log.error("cannot listen for peers", { port, error, hint });
        await clock.sleep(listenRetryMs, signal);
      }
    }
  }

  dial(endpoint: Endpoint, expected: string | undefined): Promise<DialOutcome> {
    return dial(endpoint, expected, this.#options.dialling);
  }

  /** For packets of the tunnel. Throws when the member does not take them. */
  openCarrier(endpoint: Endpoint, node: string): Promise<Carrier> {
    const { dialling, signal } = this.#options;
    return openCarrier(endpoint, node, { certificate: dialling.certificate, signal });
  }

  /** Ends every connection that this machine has here, now. */
  drop(node: string): void {
    this.#listener?.drop(node);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #listen(): Promise<PeerListener> {
    const { dialling, port, log, clock, isMember, isBarred, onRequest, onLink, onWrongSecret } = this.#options;
    const { onCarrier } = this.#options;
    return listenForPeers({
      ...(onCarrier === undefined ? {} : { onCarrier }),
      ...{ ...dialling, port, log, isMember, isBarred, onRequest, onLink },
      nowMs: () => clock.monotonicMs(),
      allow: (node) => this.#requests.take(node, clock.monotonicMs()),
      onWrongSecret: ({ node, remoteAddress }) => onWrongSecret(node, remoteAddress),
    });
  }
}
