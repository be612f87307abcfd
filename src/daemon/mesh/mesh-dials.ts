import type { Endpoint } from "../../adapters/tls/endpoint.ts";
import type { Clock } from "../../reconciler/types.ts";
import type { Crew } from "../crew.ts";
import type { MeshBook } from "./mesh-book.ts";

export interface MeshDialsOptions {
  readonly book: MeshBook;
  readonly clock: Clock;
  readonly crew: () => Crew | undefined;
  /** Where the member is inside of the tunnel; undefined: no tunnel leads there now. */
  readonly inside: (node: string) => Endpoint | undefined;
  /** Since when the tunnel leads there; monotonic. */
  readonly sinceMs: (node: string) => number;
}

/** A link that goes another way is brought into the tunnel, but not again and again. */
const redialMs = 15_000;
/** Where no link leads there yet. */
const dialAgainMs = 3_000;
const othersTurnMs = 2_000;

/**
 * Brings links into the tunnel. Of both ends the one with the smaller id dials, the other only where that does not help; a
 * link there is, is given up only for one that works.
 */
export class MeshDials {
  readonly #options: MeshDialsOptions;
  readonly #dialledMs = new Map<string, number>();

  constructor(options: MeshDialsOptions) {
    this.#options = options;
  }

  look(): void {
    const { crew, clock, book, inside } = this.#options;
    const now = crew();
    if (now === undefined) return;
    for (const { node } of book.membership.members) {
      const place = node === book.node ? undefined : inside(node);
      const outside = now.transport.get(node)?.peer.remoteAddress;
      if (place === undefined || outside === place.host || !this.#isTurn(node, outside !== undefined)) continue;
      this.#dialledMs.set(node, clock.monotonicMs());
      void now.redial(node, place);
    }
  }

  #isTurn(node: string, isLinked: boolean): boolean {
    const { book, clock, sinceMs } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - (this.#dialledMs.get(node) ?? -Infinity) < (isLinked ? redialMs : dialAgainMs)) return false;
    return book.node < node || (!isLinked && nowMs - sinceMs(node) > othersTurnMs);
  }
}
