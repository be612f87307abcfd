import type { GossipTransport } from "../../gossip/ports.ts";
import type { Link } from "./link.ts";

/** Silent for longer than this, a link no longer stands in the way of a new one. */
const staleMs = 5_000;

export interface LinkClaim {
  readonly link: Link;
  /** Boot number of the peer, from its first record. */
  readonly boot: number;
}

/**
 * Of two links between the same two machines one stays, and both ends choose the same: the one from the newer start of the
 * peer, else the one dialled by the smaller node id, else the newer one. A link that has fallen silent loses at once:
 * its peer may have slept or moved and dials from where it is now.
 */
export function chooseLink(own: string, held: LinkClaim, offered: LinkClaim, nowMs: number): "held" | "offered" {
  if (!held.link.isOpen || held.boot < offered.boot) return "offered";
  if (offered.boot < held.boot) return "held";
  if (nowMs - held.link.heardMs > staleMs || held.link.dialled === offered.link.dialled) return "offered";
  const mineWins = own < held.link.peer.node;
  return held.link.dialled === mineWins ? "held" : "offered";
}

export interface LinkTableOptions {
  readonly own: string;
  readonly nowMs: () => number;
  readonly onHint: (node: string, endpoints: readonly string[]) => void;
}

/** The links of this machine, one a peer. */
export class LinkTable implements GossipTransport {
  readonly #options: LinkTableOptions;
  readonly #links = new Map<string, LinkClaim>();
  readonly #readers = new Set<(from: string, message: Uint8Array) => void>();

  constructor(options: LinkTableOptions) {
    this.#options = options;
  }

  /** False: another link to the same peer stays, and this one has been told so and closed. */
  claim(offered: LinkClaim): boolean {
    const { node } = offered.link.peer;
    const held = this.#links.get(node);
    if (held !== undefined && held.link !== offered.link) {
      const chosen = chooseLink(this.#options.own, held, offered, this.#options.nowMs());
      if (chosen === "held") {
        offered.link.close("duplicate");
        return false;
      }
    }
    this.#links.set(node, offered);
    // After the new one is in its place: this peer was never without a link.
    if (held !== undefined && held.link !== offered.link) held.link.close("duplicate");
    return true;
  }

  /** True when it was the link in use. */
  release(link: Link): boolean {
    if (this.#links.get(link.peer.node)?.link !== link) return false;
    return this.#links.delete(link.peer.node);
  }

  get(node: string): Link | undefined {
    return this.#links.get(node)?.link;
  }

  all(): readonly Link[] {
    return [...this.#links.values()].map(({ link }) => link);
  }

  neighbours(): readonly string[] {
    return [...this.#links.keys()];
  }

  send(to: string, message: Uint8Array): void {
    this.get(to)?.gossip(message);
  }

  receive(onMessage: (from: string, message: Uint8Array) => void): Disposable {
    this.#readers.add(onMessage);
    return { [Symbol.dispose]: () => void this.#readers.delete(onMessage) };
  }

  hint(node: string, endpoints: readonly string[]): void {
    this.#options.onHint(node, endpoints);
  }

  /** A gossip frame came in on a link. */
  deliver(link: Link, message: Uint8Array): void {
    if (this.get(link.peer.node) !== link) return;
    for (const reader of this.#readers) reader(link.peer.node, message);
  }
}
