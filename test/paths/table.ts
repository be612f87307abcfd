import { ownFacts, startPaths, tunnelsOf } from "../../src/paths/state.ts";
import type { OwnSight, PathsInput, PathsOutput, PathsState, TunnelSight } from "../../src/paths/state.ts";
import { stepPaths } from "../../src/paths/step.ts";
import type { Tunnel } from "../../src/paths/types.ts";

/** Machines on a table: the test says which tunnels work, and which messages arrive. */
export class Table {
  readonly machines = new Map<string, TableMachine>();
  nowMs = 1_000;
  /** Pairs of which no message arrives. */
  readonly deaf = new Set<string>();
  readonly said: { readonly from: string; readonly to: string }[] = [];
  #queue: { readonly from: string; readonly to: string; readonly message: Uint8Array }[] = [];

  add(node: string, own: Partial<OwnSight>): TableMachine {
    const sight = { port: 51_820, addresses: [], canRelay: false, up: true, ...own };
    const machine = new TableMachine(node, sight, this);
    this.machines.set(node, machine);
    machine.take({ kind: "own", own: sight });
    return machine;
  }

  post(from: string, outputs: readonly PathsOutput[]): void {
    for (const output of outputs)
      if (output.kind === "say") {
        this.said.push({ from, to: output.to });
        if (!this.deaf.has(pairKey(from, output.to)))
          this.#queue.push({ from, to: output.to, message: output.message });
      }
  }

  /** Everybody knows everybody's facts, and sees the tunnels that work. */
  meet(): void {
    for (const machine of this.machines.values()) {
      const others = [...this.machines.values()].filter(({ node }) => node !== machine.node);
      const members = others.map(({ node, state }) => {
        const carried = machine.carried.get(node);
        return { node, facts: ownFacts(state), rttMs: 20, linked: true, ...(carried === undefined ? {} : { carried }) };
      });
      machine.take({ kind: "members", members });
    }
  }

  /** Time goes by, a second at a time. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.nowMs += 1_000;
      for (const machine of this.machines.values()) machine.look();
      for (const machine of this.machines.values()) machine.take({ kind: "tick" });
      this.deliver();
      this.meet();
      this.deliver();
    }
  }

  deliver(): void {
    for (let turns = 0; this.#queue.length > 0 && turns < 1_000; turns += 1) {
      const [first, ...others] = this.#queue;
      this.#queue = others;
      if (first !== undefined)
        this.machines.get(first.to)?.take({ kind: "message", from: first.from, message: first.message });
    }
  }
}

export class TableMachine {
  readonly node: string;
  /** Where packets of these members come from; a tunnel that works. */
  readonly works = new Map<string, string>();
  /** Behind which endpoint of its own this machine finds these members, as UDP does not get through. */
  readonly carried = new Map<string, string>();
  state: PathsState;
  readonly renewed: string[] = [];
  readonly #table: Table;
  readonly #bytes = new Map<string, number>();
  #random = 0.1;

  constructor(node: string, _own: OwnSight, table: Table) {
    this.node = node;
    this.state = startPaths(node);
    this.#table = table;
  }

  take(input: PathsInput): void {
    this.#random = (this.#random * 7.77 + 0.123) % 1;
    const { state, outputs } = stepPaths(this.state, input, { nowMs: this.#table.nowMs, random: this.#random });
    this.state = state;
    for (const output of outputs) if (output.kind === "renew") this.renewed.push(output.node);
    this.#table.post(this.node, outputs);
  }

  look(): void {
    const tunnels = [...this.state.pairs.keys()].map((node): TunnelSight => {
      const endpoint = this.works.get(node);
      const received = (this.#bytes.get(node) ?? 0) + (endpoint === undefined ? 0 : 128);
      this.#bytes.set(node, received);
      const sent = this.#table.nowMs / 8;
      if (endpoint === undefined) return { node, receivedBytes: received, sentBytes: sent };
      // A new session every two minutes.
      const handshakeAgeMs = this.#table.nowMs % 120_000;
      return { node, endpoint, handshakeAgeMs, receivedBytes: received, sentBytes: sent };
    });
    this.take({ kind: "dump", tunnels });
  }

  tunnel(node: string): Tunnel | undefined {
    return tunnelsOf(this.state).find((each) => each.node === node);
  }
}

export function pairKey(one: string, other: string): string {
  return [one, other].toSorted().join(" ");
}
