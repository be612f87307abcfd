/** What the waiting room needs of a connection. */
export interface Guest {
  readonly remoteAddress?: string | undefined;
  /** Received so far, TLS included. */
  readonly bytesRead: number;
  destroy(): unknown;
}
export interface WaitingRoomLimits {
  readonly connections: number;
  readonly timeoutMs: number;
  readonly bytes: number;
}

export const waitingRoomLimits: WaitingRoomLimits = { connections: 64, timeoutMs: 5_000, bytes: 64 * 1024 };
/** Bytes are looked at this often while somebody waits. */
const inspectionMs = 200;

/**
 * Connections that have not proved who they are: few, for a short time, with few bytes. When it is full, the oldest of the
 * address that holds most seats makes room, so that one flooding host does not shut the others out.
 */
export class WaitingRoom<G extends Guest> {
  readonly #limits: WaitingRoomLimits;
  readonly #nowMs: () => number;
  readonly #guests = new Map<G, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(nowMs: () => number, limits: WaitingRoomLimits = waitingRoomLimits) {
    this.#nowMs = nowMs;
    this.#limits = limits;
  }

  get size(): number {
    return this.#guests.size;
  }

  enter(guest: G): void {
    if (this.#guests.size >= this.#limits.connections) this.#throwOut(this.#longestOfBusiest());
    this.#guests.set(guest, this.#nowMs());
    this.#timer ??= setInterval(() => this.inspect(), inspectionMs).unref();
  }

  /** Admitted, or gone by itself. */
  leave(guest: G): void {
    this.#guests.delete(guest);
    if (this.#guests.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  inspect(): void {
    const now = this.#nowMs();
    for (const [guest, sinceMs] of [...this.#guests]) {
      if (now - sinceMs >= this.#limits.timeoutMs || guest.bytesRead > this.#limits.bytes) this.#throwOut(guest);
    }
  }

  close(): void {
    for (const guest of [...this.#guests.keys()]) this.#throwOut(guest);
  }

  #throwOut(guest: G | undefined): void {
    if (guest === undefined) return;
    this.leave(guest);
    guest.destroy();
  }

  #longestOfBusiest(): G | undefined {
    const groups = Map.groupBy(this.#guests.keys(), (guest) => guest.remoteAddress ?? "");
    const [busiest = []] = [...groups.values()].toSorted((a, b) => b.length - a.length);
    return busiest[0];
  }
}
