import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

interface Way {
  /** Of a TCP connection outside of the mesh: what it depends on. Undefined: it is one inside the tunnels. */
  readonly connection: string | undefined;
  readonly from: Machine;
  readonly to: Machine;
}

const beatMs = 2_000;
const freshMs = 4_000;
const deadMs = 6_000;
const repeatsMs = [300, 600, 1_200, 2_400] as const;
const backoff = { firstMs: 500, mostMs: 10_000 } as const;

/** What two daemons say to each other: over LAN or internet where one of them can be reached by TCP, else through the tunnels. */
export class Link {
  readonly #world: World;
  readonly #ends: readonly [Machine, Machine];
  readonly #heardMs = new Map<Machine, number>();
  readonly #rttMs = new Map<Machine, number>();
  #way: Way | undefined;
  #failures = 0;
  #nextDialMs: number;
  #dialledMs = -Infinity;
  #beatMs = 0;

  constructor(world: World, ends: readonly [Machine, Machine]) {
    this.#world = world;
    this.#ends = ends;
    this.#nextDialMs = world.nowMs + world.random() * 500;
    const look = (): void => {
      this.#look();
      world.after(200, look);
    };
    world.after(world.random() * 200, look);
  }

  get isUp(): boolean {
    return this.#way !== undefined;
  }

  isFresh(hearer: Machine): boolean {
    return this.#way !== undefined && this.#world.nowMs - (this.#heardMs.get(hearer) ?? -Infinity) < freshMs;
  }

  rttOf(machine: Machine): number | undefined {
    return this.#way === undefined ? undefined : this.#rttMs.get(machine);
  }

  /** A process of one end is gone, or knows that it is somewhere else. */
  drop(): void {
    if (this.#way !== undefined) this.#world.log(`link of ${this.#names()} is dropped`);
    this.#way = undefined;
    this.#failures = 0;
    this.#nextDialMs = this.#world.nowMs + 100 + this.#world.random() * 900;
  }

  /** Something has changed: the next try need not wait. */
  hurry(): void {
    this.#nextDialMs = Math.min(this.#nextDialMs, Math.max(this.#world.nowMs, this.#dialledMs + 1_000));
  }

  /** As a stream does it: repeated until it arrives, or the stream is given up. */
  carry(from: Machine, bytes: number, arrive: () => void): void {
    const way = this.#way;
    if (way === undefined) return;
    let hasArrived = false;
    const attempt = (turn: number): void => {
      if (hasArrived || this.#way !== way) return;
      this.#pass(way, from, bytes, () => {
        if (hasArrived) return;
        hasArrived = true;
        arrive();
      });
      const pauseMs = repeatsMs[turn];
      if (pauseMs !== undefined) this.#world.after(pauseMs, () => attempt(turn + 1));
    };
    attempt(0);
  }

  #look(): void {
    const { nowMs } = this.#world;
    const [one, other] = this.#ends;
    if (!one.isUp || !other.isUp) return;
    if (this.#way === undefined) {
      if (nowMs >= this.#nextDialMs) this.#dial();
      return;
    }
    const heardMs = Math.min(...this.#ends.map((end) => this.#heardMs.get(end) ?? -Infinity));
    if (nowMs - heardMs > deadMs) return this.drop();
    if (nowMs < this.#beatMs) return;
    this.#beatMs = nowMs + beatMs;
    this.#beat(this.#way, one, other);
    this.#beat(this.#way, other, one);
  }

  #beat(way: Way, from: Machine, to: Machine): void {
    const sentMs = this.#world.nowMs;
    this.#pass(way, from, 120, () => {
      if (this.#way !== way) return;
      this.#heardMs.set(to, this.#world.nowMs);
      this.#pass(way, to, 60, () => {
        this.#heardMs.set(from, this.#world.nowMs);
        this.#rttMs.set(from, this.#world.nowMs - sentMs);
      });
    });
  }

  #dial(): void {
    const { nowMs, random, internet } = this.#world;
    const [one, other] = this.#ends;
    this.#dialledMs = nowMs;
    this.#failures += 1;
    const pauseMs = Math.min(backoff.mostMs, backoff.firstMs * 2 ** this.#failures) * (0.5 + random() / 2);
    this.#nextDialMs = nowMs + 1_000 + pauseMs;
    const there = internet.connection(one.host, other.host);
    const back = internet.connection(other.host, one.host);
    if (there !== undefined) this.#open({ connection: there, from: one, to: other });
    else if (back !== undefined) this.#open({ connection: back, from: other, to: one });
    else this.#open({ connection: undefined, from: one, to: other });
  }

  #open(way: Way): void {
    const { from, to } = way;
    const dialledMs = this.#dialledMs;
    this.#pass(way, from, 60, () =>
      this.#pass(way, to, 60, () =>
        this.#pass(way, from, 400, () => {
          if (this.#way !== undefined || this.#dialledMs !== dialledMs) return;
          this.#world.log(`link of ${this.#names()} is up over ${way.connection === undefined ? "the mesh" : "TCP"}`);
          this.#way = way;
          this.#failures = 0;
          this.#beatMs = 0;
          for (const end of this.#ends) this.#heardMs.set(end, this.#world.nowMs);
          for (const end of this.#ends) end.linked();
        }),
      ),
    );
  }

  #pass(way: Way, from: Machine, bytes: number, arrive: () => void): void {
    const to = from === this.#ends[0] ? this.#ends[1] : this.#ends[0];
    const land = (): void => {
      if (to.isUp) arrive();
    };
    if (!from.isUp) return;
    if (way.connection === undefined) return from.sendInner(to.node, bytes, land);
    const { internet } = this.#world;
    if (internet.connection(way.from.host, way.to.host) !== way.connection) return;
    this.#world.after(internet.delayBetween(from.host, to.host), land);
  }

  #names(): string {
    return this.#ends.map(({ name }) => name).join(" and ");
  }
}
