import { createRandom } from "../../../src/gossip/random.ts";
import type { TunnelFacts } from "../../../src/paths/types.ts";
import { Agenda } from "../../gossip/simulator/agenda.ts";
import { Host, Internet, Segment } from "./internet.ts";
import { Link } from "./links.ts";
import { Machine, type MachineOptions } from "./machine.ts";
import { Router, type RouterKind } from "./router.ts";

type Traits = Omit<MachineOptions, "name" | "host">;

const traceLines = 150;

/** Houses, members of a mesh in them and what is between, in virtual time: the same seed does the same. */
export class World {
  readonly agenda = new Agenda();
  readonly random: () => number;
  readonly internet: Internet;
  readonly machines: Machine[] = [];
  readonly routers: Router[] = [];
  /** Share of messages that vanish. */
  messageLoss = 0;
  readonly count = { said: 0, changes: 0, renewals: 0 };
  readonly #links = new Map<string, Link>();
  readonly #trace: string[] = [];
  #lastId = 0;
  #lastAddress = 10;

  constructor(seed: number) {
    this.random = createRandom(((seed * 0.618_033_988) % 1) + 1e-9);
    this.internet = new Internet(this.agenda, this.random);
  }

  readonly newId = (): number => (this.#lastId += 1);

  get nowMs(): number {
    return this.agenda.nowMs;
  }

  addPublic(name: string, traits: Traits = {}): Machine {
    return this.#add(name, { ...traits, host: this.#hostIn(this.internet.root, this.newAddress("203.0.113")) });
  }

  /** `network`: the first three numbers of its LAN; half the world has the same. */
  addHouse(kind: RouterKind, { carrier, network }: { carrier?: Router; network?: string } = {}): Router {
    const outside = carrier?.inside ?? this.internet.root;
    const router = new Router({
      ...{ kind, outside, inside: new Segment(), random: this.random },
      wan: this.newAddress(carrier === undefined ? "198.51.100" : "100.64.1"),
      latencyMs: 5 + this.random() * 35,
      idleMs: 30_000 + this.random() * 90_000,
    });
    this.routers.push(router);
    this.#networks.set(router, network ?? `192.168.${(this.#lastAddress += 1)}`);
    return router;
  }

  addAt(router: Router, name: string, traits: Traits = {}): Machine {
    return this.#add(name, { ...traits, host: this.#hostIn(router.inside, this.addressIn(router)) });
  }

  readonly #networks = new Map<Router, string>();

  addressIn(router: Router): string {
    return this.newAddress(this.#networks.get(router) ?? "192.168.1");
  }

  newAddress(network: string): string {
    return `${network}.${(this.#lastAddress += 1)}`;
  }

  /** Houses with people in them are not carriers. */
  isHouse(router: Router): boolean {
    return [...router.inside.devices.values()].every((device) => device instanceof Host);
  }

  /** All are members, and know of each other what an invite says. */
  begin(): void {
    for (const one of this.machines)
      for (const other of this.machines)
        if (one.node < other.node) this.#links.set(`${one.node} ${other.node}`, new Link(this, [one, other]));
    for (const machine of this.machines) machine.start();
    for (const one of this.machines) for (const other of this.machines) if (one !== other) one.tell(other);
  }

  after(ms: number, run: () => void): void {
    this.agenda.at(this.agenda.nowMs + ms, run);
  }

  run(ms: number): void {
    this.agenda.run(this.nowMs + ms);
  }

  /** Waits until there is nothing to complain of, and says what there still is then, with what happened before. */
  within(ms: number, complaints: () => readonly string[]): readonly string[] {
    this.agenda.run(this.nowMs + ms, () => complaints().length === 0);
    const left = complaints();
    return left.length === 0 ? [] : [...left, `--- at ${this.nowMs} ms, after`, ...this.#trace];
  }

  log(text: string): void {
    this.#trace.push(`${(this.nowMs / 1_000).toFixed(2)} ${text}`);
    if (this.#trace.length > traceLines) this.#trace.shift();
  }

  nameOf(node: string): string {
    return this.machines.find((each) => each.node === node)?.name ?? node;
  }

  linkOf(one: Machine, other: Machine): Link {
    const link = this.#links.get([one.node, other.node].toSorted().join(" "));
    if (link === undefined) throw new Error(`no such pair: ${one.name} and ${other.name}`);
    return link;
  }

  /** The addresses of this machine's tunnels go elsewhere. */
  hurry(machine: Machine): void {
    for (const other of this.machines) if (other !== machine) this.linkOf(machine, other).hurry();
  }

  dropLinks(machine: Machine): void {
    for (const other of this.machines) if (other !== machine) this.linkOf(machine, other).drop();
  }

  /** Over the link; where there is none that lives, through up to two who have one to both. */
  say(from: Machine, node: string, message: Uint8Array): void {
    const to = this.machines.find((each) => each.node === node);
    if (to === undefined) return;
    this.count.said += 1;
    const take = (): void => to.take({ kind: "message", from: from.node, message });
    const direct = this.linkOf(from, to);
    if (direct.isUp && this.random() >= this.messageLoss) direct.carry(from, message.length, take);
    if (direct.isFresh(from)) return;
    const couriers = this.machines.filter((each) => each !== from && each !== to && this.#canForward(from, each, to));
    const chosen = couriers.map((each) => ({ each, rank: this.random() })).toSorted((a, b) => a.rank - b.rank);
    for (const { each } of chosen.slice(0, 2)) {
      if (this.random() < this.messageLoss) continue;
      this.linkOf(from, each).carry(from, message.length + 100, () =>
        this.linkOf(each, to).carry(each, message.length + 100, take),
      );
    }
  }

  /** What a machine knows of one goes to all that it is linked to. */
  spread(from: Machine, node: string, known: { readonly version: number; readonly facts: TunnelFacts }): void {
    for (const other of this.machines) {
      if (other === from || !this.linkOf(from, other).isUp) continue;
      this.after(100 + this.random() * 300, () =>
        this.linkOf(from, other).carry(from, 400, () => other.hear(node, known)),
      );
    }
  }

  #canForward(from: Machine, courier: Machine, to: Machine): boolean {
    return courier.isUp && this.linkOf(from, courier).isFresh(from) && this.linkOf(courier, to).isUp;
  }

  #hostIn(segment: Segment, address: string): Host {
    return new Host({ segment, address, latencyMs: 5 + this.random() * 35 });
  }

  #add(name: string, options: Omit<MachineOptions, "name">): Machine {
    const machine = new Machine(this, { ...options, name });
    this.machines.push(machine);
    return machine;
  }
}
