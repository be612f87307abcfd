import { bestWay, isLuck, pairsOf, type Pair } from "./truth.ts";
import type { World } from "./world.ts";

const nameOf = ([one, other]: Pair): string => `${one.name} and ${other.name}`;

/** Pairs that go another way than the best there is, or of which the two sides do not say the same. */
export function wrongWays(world: World, { ofThoseWithAWay = false } = {}): readonly string[] {
  return pairsOf(world).flatMap((pair) => {
    const best = bestWay(world, pair);
    if (ofThoseWithAWay && best === "none") return [];
    const [one, other] = pair;
    const views = [one.view(other.node), other.view(one.node)];
    const isRelayed = views[0] === views[1] && views[0]?.startsWith("relay") === true;
    const mayBeRelayed = best === "relay" || (best === "punched" && isLuck(pair));
    const isRight = views.every((view) => best !== "relay" && isAsGoodAs(view, best)) || (isRelayed && mayBeRelayed);
    return isRight ? [] : [`${nameOf(pair)}: could be ${best}, is ${views.join(" / ")}`];
  });
}

function isAsGoodAs(view: string, best: string): boolean {
  const [kind = ""] = view.split(" ");
  // How a hole came about does not matter.
  const straight = ["direct", "punched"];
  return kind === best || (straight.includes(kind) && straight.includes(best));
}

/** Each side must give packets to the other to the same member, or what comes back is thrown away. */
export function disagreements(world: World): readonly string[] {
  return pairsOf(world).flatMap((pair) => {
    const [one, other] = pair;
    const [there, back] = [one.route(other.node), other.route(one.node)];
    const isStraight = there === other.node && back === one.node;
    if (isStraight || (there === back && there !== undefined)) return [];
    const [via, viaBack] = [there, back].map((node) => (node === undefined ? "nobody" : world.nameOf(node)));
    return [`${nameOf(pair)}: one goes by ${via}, the other by ${viaBack}`];
  });
}

/** A packet to and fro between every two, over and over. */
export class Pings {
  readonly #world: World;
  readonly #everyMs: number;
  readonly #okMs = new Map<string, number>();
  readonly #worstMs = new Map<string, number>();

  constructor(world: World, everyMs = 500) {
    this.#world = world;
    this.#everyMs = everyMs;
    const round = (): void => {
      for (const pair of pairsOf(world)) this.#ping(pair);
      world.after(this.#everyMs, round);
    };
    round();
  }

  /** From now on. */
  reset(): void {
    this.#worstMs.clear();
    for (const pair of this.#okMs.keys()) this.#okMs.set(pair, Math.max(this.#world.nowMs - this.#everyMs, 0));
  }

  /** The longest time without an answer. */
  worstMs(pair: Pair): number {
    const name = nameOf(pair);
    return Math.max(this.#worstMs.get(name) ?? 0, this.#world.nowMs - (this.#okMs.get(name) ?? 0));
  }

  /** Pairs that have a way and no answer for so long. */
  silent(forMs = 1_500): readonly string[] {
    return pairsOf(this.#world)
      .filter((pair) => bestWay(this.#world, pair) !== "none")
      .filter((pair) => this.#world.nowMs - (this.#okMs.get(nameOf(pair)) ?? -Infinity) > forMs)
      .map((pair) => `${nameOf(pair)}: no answer`);
  }

  /** Now the one begins, now the other: who is never the first to speak is found by keepalives alone, if at all. */
  #ping(pair: Pair): void {
    const [one, other] = this.#world.random() < 0.5 ? pair : ([pair[1], pair[0]] as const);
    const sentMs = this.#world.nowMs;
    one.sendInner(other.node, 84, () =>
      other.sendInner(one.node, 84, () => {
        const name = nameOf(pair);
        const beforeMs = this.#okMs.get(name) ?? 0;
        this.#worstMs.set(name, Math.max(this.#worstMs.get(name) ?? 0, sentMs - beforeMs));
        this.#okMs.set(name, Math.max(beforeMs, sentMs));
      }),
    );
  }
}
