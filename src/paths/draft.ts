import type { Body } from "./message.ts";
import type { Moment, Observation, OwnSight, Pair, PathsOutput, PathsState, PathsStep } from "./state.ts";
import type { Tunnel, TunnelFacts } from "./types.ts";

/** The next state while it is made. Pairs are copies and may be written. */
export class Draft {
  readonly node: string;
  readonly session: string;
  readonly nowMs: number;
  readonly random: number;
  readonly pairs: ReadonlyMap<string, Pair>;
  readonly outputs: PathsOutput[] = [];
  own: OwnSight;
  hasLooked: boolean;
  observations: ReadonlyMap<string, Observation>;
  movedMs: number;
  relays: Body["relays"];
  relaysMs: number;
  facts: TunnelFacts;
  tunnels: readonly Tunnel[];
  readonly #pairs: Map<string, Pair>;

  constructor(state: PathsState, { nowMs, random }: Moment) {
    this.#pairs = new Map(Array.from(state.pairs, ([node, pair]) => [node, { ...pair }]));
    this.pairs = this.#pairs;
    this.node = state.node;
    this.session = state.session === "" ? hexOf(random) : state.session;
    this.nowMs = nowMs;
    this.random = random;
    this.own = state.own;
    this.hasLooked = state.hasLooked;
    this.observations = state.observations;
    this.movedMs = state.movedMs;
    this.relays = state.relays;
    this.relaysMs = state.relaysMs;
    this.facts = state.facts;
    this.tunnels = state.tunnels;
  }

  add(pair: Pair): void {
    this.#pairs.set(pair.node, pair);
  }

  remove(node: string): void {
    this.#pairs.delete(node);
  }

  seal(): PathsStep {
    const { node, session, own, hasLooked, observations, movedMs, relays, relaysMs, facts, tunnels, nowMs } = this;
    const state = { node, session, own, hasLooked, observations, movedMs, relays, relaysMs, facts, tunnels, nowMs };
    return { state: { ...state, pairs: this.pairs }, outputs: this.outputs };
  }
}

function hexOf(random: number): string {
  return Math.floor(random * 2 ** 48)
    .toString(16)
    .padStart(12, "0");
}
