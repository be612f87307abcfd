import { createHash } from "node:crypto";
import { createRandom } from "../../../src/gossip/random.ts";
import { keyOf } from "../../../src/gossip/register.ts";
import type { SignedRecord } from "../../../src/trust/record.ts";
import { Agenda } from "./agenda.ts";
import { Machine } from "./machine.ts";

export interface Network {
  /** Share of messages that vanish. */
  readonly loss: number;
  /** Share that come twice. */
  readonly doubled: number;
  /** One way; each message draws its own, so they overtake each other. */
  readonly delayMs: readonly [number, number];
}

export interface CrewOptions {
  readonly size: number;
  readonly seed: number;
  readonly network: Network;
  /** Links of each machine, about; absent: everybody to everybody. */
  readonly degree?: number;
  readonly onLearnt?: (node: string, signed: SignedRecord) => void;
}

const letters = "abcdefghijklmnopqrstuvwxyz234567";

/** Machines that gossip over a bad network, in virtual time: the same seed does the same, to the byte. */
export class Crew {
  readonly agenda = new Agenda();
  readonly machines: readonly Machine[];
  readonly random: () => number;
  readonly #byNode: ReadonlyMap<string, Machine>;
  readonly #edges: ReadonlyMap<string, readonly string[]>;
  readonly #trace = createHash("sha256");
  #sides: ReadonlyMap<string, number> = new Map();
  #network: Network;
  sent = { bytes: 0, messages: 0, largest: 0 };

  constructor({ size, seed, network, degree, onLearnt }: CrewOptions) {
    this.random = createRandom(seed / 2 ** 32);
    this.#network = network;
    const name = (): string => Array.from({ length: 25 }, () => letters[Math.floor(this.random() * 32)]).join("");
    this.machines = Array.from({ length: size }, name).map((node) => this.#build(node, onLearnt));
    this.#byNode = new Map(this.machines.map((machine) => [machine.node, machine]));
    this.#edges = draw(
      this.machines.map(({ node }) => node),
      degree ?? size,
      this.random,
    );
    for (const machine of this.machines) machine.start();
    this.relinkAll();
  }

  /** A hash of everything ever sent. */
  get trace(): string {
    return this.#trace.copy().digest("hex");
  }

  run(ms: number, isDone?: () => boolean): void {
    this.agenda.run(this.agenda.nowMs + ms, isDone);
  }

  /** Nothing passes between the two sides, and nobody is told. */
  split(side: (machine: Machine, index: number) => number): void {
    this.#sides = new Map(this.machines.map((machine, index) => [machine.node, side(machine, index)]));
  }

  heal(): void {
    this.#sides = new Map();
  }

  /** From now on nothing is lost, doubled or slow. */
  calm(): void {
    this.#network = { loss: 0, doubled: 0, delayMs: [1, 5] };
  }

  stop(machine: Machine): void {
    machine.stop();
    this.relinkAll();
  }

  start(machine: Machine, options: { readonly fromBackup?: boolean } = {}): void {
    machine.start(options);
    this.relinkAll();
  }

  relinkAll(): void {
    for (const machine of this.machines) {
      const linked = (this.#edges.get(machine.node) ?? []).filter((node) => this.#byNode.get(node)?.isUp === true);
      machine.relink(linked);
    }
  }

  /** Who lacks what, in words; empty when all that are up know the newest of all that are up, to the byte. */
  disagreements(): readonly string[] {
    const live = this.machines.filter(({ isUp }) => isUp);
    return live.flatMap(({ node: owner, own }) => {
      const lacking = live.filter(({ state }) => !isSame(state.registers.get(keyOf(owner))?.signed, own));
      return lacking.map(({ node }) => `${node.slice(0, 5)} has not the newest of ${owner.slice(0, 5)}`);
    });
  }

  #build(node: string, onLearnt: CrewOptions["onLearnt"]): Machine {
    return new Machine({
      node,
      agenda: this.agenda,
      random: this.random,
      send: (to, message) => this.#send(node, to, message),
      onLearnt: (signed) => onLearnt?.(node, signed),
    });
  }

  #send(from: string, to: string, message: Uint8Array): void {
    this.#trace.update(from).update(to).update(message);
    const { bytes, messages, largest } = this.sent;
    this.sent = { bytes: bytes + message.length, messages: messages + 1, largest: Math.max(largest, message.length) };
    const { loss, doubled, delayMs } = this.#network;
    const copies = this.random() < loss ? 0 : this.random() < doubled ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = delayMs[0] + this.random() * (delayMs[1] - delayMs[0]);
      this.agenda.at(this.agenda.nowMs + delay, () => this.#deliver(from, to, message));
    }
  }

  #deliver(from: string, to: string, message: Uint8Array): void {
    const receiver = this.#byNode.get(to);
    if (receiver?.isUp !== true || this.#sides.get(from) !== this.#sides.get(to)) return;
    receiver.take({ kind: "message", from, message });
  }
}

function isSame(left: SignedRecord | undefined, right: SignedRecord | undefined): boolean {
  return left !== undefined && right !== undefined && Buffer.compare(left.bytes, right.bytes) === 0;
}

/** A ring, so that it hangs together, and random links until each has about `degree`. */
function draw(nodes: readonly string[], degree: number, random: () => number): ReadonlyMap<string, readonly string[]> {
  if (degree >= nodes.length - 1) return new Map(nodes.map((node) => [node, nodes.filter((each) => each !== node)]));
  const edges = new Map(nodes.map((node) => [node, new Set<string>()]));
  const connect = (left: string, right: string | undefined): void => {
    if (right === undefined || left === right) return;
    edges.get(left)?.add(right);
    edges.get(right)?.add(left);
  };
  nodes.forEach((node, index) => connect(node, nodes[(index + 1) % nodes.length]));
  for (const node of nodes) {
    while ((edges.get(node)?.size ?? 0) < degree) connect(node, nodes[Math.floor(random() * nodes.length)]);
  }
  return new Map([...edges].map(([node, others]) => [node, [...others]]));
}
