import { pathOf } from "../../../src/paths/explain.ts";
import {
  ownFacts,
  startPaths,
  tunnelsOf,
  type OwnSight,
  type PathMember,
  type PathsInput,
  type PathsState,
} from "../../../src/paths/state.ts";
import { nextDueMs, stepPaths } from "../../../src/paths/step.ts";
import type { Tunnel, TunnelFacts } from "../../../src/paths/types.ts";
import type { NatKind } from "../../../src/resources/network-report.ts";
import type { Host } from "./internet.ts";
import { WireGuard } from "./wireguard.ts";
import type { World } from "./world.ts";

export interface MachineOptions {
  readonly name: string;
  readonly host: Host;
  readonly canRelay?: boolean;
  readonly natHint?: NatKind;
}

interface Known {
  readonly version: number;
  readonly facts: TunnelFacts;
}

const tickMs = 1_000;
const soonestMs = 20;
const port = 51_820;

/** A member of the mesh: its WireGuard, and the daemon that runs `paths`. */
export class Machine {
  readonly name: string;
  readonly node: string;
  readonly host: Host;
  readonly wireguard: WireGuard;
  readonly canRelay: boolean;
  natHint: NatKind | undefined;
  isUp = false;
  state: PathsState;
  /** Packets leave from the address that WireGuard's socket was bound to. */
  #bound = "";
  #known = new Map<string, Known>();
  readonly #world: World;
  #life = 0;
  #boot = 0;
  #version = 0;
  #given = { own: "", members: "" };
  #tunnels: readonly Tunnel[] = [];
  #renewed = new Set<string>();
  #isApplying = false;
  #wakeMs = Infinity;
  #views = new Map<string, string>();

  constructor(world: World, { name, host, canRelay = false, natHint }: MachineOptions) {
    this.name = name;
    this.node = nodeOf(name);
    this.host = host;
    this.canRelay = canRelay;
    this.natHint = natHint;
    this.#world = world;
    this.state = startPaths(this.node);
    this.wireguard = new WireGuard({
      node: this.node,
      agenda: world.agenda,
      random: world.random,
      newId: world.newId,
      canRelay: () => this.canRelay,
      send: (endpoint, packet) => {
        if (this.host.address === this.#bound) world.internet.send(this.host, port, endpoint, packet);
      },
    });
    host.receive = (source, packet) => this.wireguard.receive(source, packet);
  }

  get facts(): TunnelFacts {
    return ownFacts(this.state);
  }

  /** The daemon begins, with nothing in memory. WireGuard may be there still. */
  start(): void {
    this.#world.log(`${this.name} starts`);
    this.isUp = true;
    this.#life += 1;
    this.#boot += 1;
    this.#bound = this.host.address;
    this.state = startPaths(this.node);
    this.#known = new Map();
    this.#given = { own: "", members: "" };
    this.#tunnels = [];
    this.#renewed = new Set();
    this.#isApplying = false;
    this.#wakeMs = Infinity;
    const life = this.#life;
    const tick = (): void => {
      if (life !== this.#life) return;
      this.tick();
      this.#world.after(tickMs, tick);
    };
    tick();
  }

  /** The daemon ends; WireGuard stays as it is. */
  stop(): void {
    this.#world.log(`${this.name} stops`);
    this.isUp = false;
    this.#life += 1;
  }

  /** The daemon has noticed that it is somewhere else. */
  moved(): void {
    if (!this.isUp) return;
    this.#bound = this.host.address;
    this.#give();
    this.take({ kind: "moved" });
  }

  tick(): void {
    this.#give();
    // Before the interface is made there is nothing to see.
    this.take({ kind: "dump", tunnels: this.wireguard.isUp ? this.wireguard.dump() : [] });
    this.take({ kind: "tick" });
  }

  take(input: PathsInput): void {
    if (!this.isUp) return;
    const moment = { nowMs: this.#world.nowMs, random: this.#world.random() };
    const before = this.#tunnels;
    const facts = this.facts;
    const { state, outputs } = stepPaths(this.state, input, moment);
    this.state = state;
    this.#tunnels = tunnelsOf(state);
    if (ownFacts(state) !== facts) this.#offer();
    for (const output of outputs) {
      if (output.kind === "say") this.#world.say(this, output.to, output.message);
      else this.#renew(output.node, before);
    }
    if (this.#tunnels !== before) this.#applySoon(20, 50);
    this.#trace();
    this.#plan();
  }

  sendInner(to: string, bytes: number, arrive: () => void): void {
    this.wireguard.send({ from: this.node, to, bytes, hops: 0, arrive });
  }

  /** A link to somebody is up: what is known goes there. */
  linked(): void {
    for (const [node, known] of this.#known) this.#world.spread(this, node, known);
  }

  hear(node: string, known: Known): void {
    const before = this.#known.get(node);
    if (!this.isUp || node === this.node || (before !== undefined && before.version >= known.version)) return;
    this.#known.set(node, known);
    this.#world.spread(this, node, known);
    this.#give();
  }

  /** As an invite does. */
  tell(machine: Machine): void {
    this.#known.set(machine.node, { version: 0, facts: machine.facts });
  }

  /** Where WireGuard gives packets to; for the daemons of both sides to agree on. */
  route(node: string): string | undefined {
    return this.wireguard.carrierOf(node);
  }

  view(node: string): string {
    const { connection, via } = pathOf(this.state, node, this.#world.nowMs);
    return via === undefined ? connection : `${connection} via ${this.#world.nameOf(via)}`;
  }

  #offer(): void {
    const places = this.facts.places.map(({ kind, endpoint }) => `${kind} ${endpoint}`);
    this.#world.log(`${this.name} says it is ${this.facts.nat}: ${places.join(", ")}`);
    this.#version += 1;
    const known = { version: this.#boot * 1_000_000 + this.#version, facts: this.facts };
    this.#known.set(this.node, known);
    this.#world.spread(this, this.node, known);
  }

  #give(): void {
    if (!this.isUp) return;
    const own = this.#own();
    const members = this.#members();
    const given = { own: JSON.stringify(own), members: JSON.stringify(members) };
    const before = this.#given;
    this.#given = given;
    if (given.own !== before.own) this.take({ kind: "own", own });
    if (given.members !== before.members) this.take({ kind: "members", members });
  }

  #own(): OwnSight {
    // A rented machine has no neighbours.
    const addresses = [{ address: this.#bound, prefix: this.host.routers.length === 0 ? 32 : 24 }];
    const base = { port, addresses, canRelay: this.canRelay, up: true, meshRanges: ["100.96.0.0/16"] };
    return this.natHint === undefined ? base : { ...base, natHint: this.natHint };
  }

  #members(): readonly PathMember[] {
    return this.#world.machines
      .filter((each) => each !== this)
      .map((other): PathMember => {
        const link = this.#world.linkOf(this, other);
        const facts = this.#known.get(other.node)?.facts;
        const rtt = link.rttOf(this);
        return {
          node: other.node,
          linked: link.isFresh(this),
          ...(facts === undefined ? {} : { facts }),
          ...(rtt === undefined ? {} : { rttMs: Math.max(1, Math.round(rtt)) }),
        };
      });
  }

  #renew(node: string, before: readonly Tunnel[]): void {
    const of = (tunnels: readonly Tunnel[]): string => JSON.stringify(tunnels.find((each) => each.node === node));
    this.#world.count.renewals += 1;
    this.#renewed.add(node);
    if (of(before) === of(this.#tunnels)) this.#applySoon(10, 30);
  }

  #applySoon(leastMs: number, mostMs: number): void {
    if (this.#isApplying) return;
    this.#isApplying = true;
    const life = this.#life;
    this.#world.after(leastMs + this.#world.random() * (mostMs - leastMs), () => {
      if (life !== this.#life) return;
      this.#isApplying = false;
      const renewed = this.#renewed;
      this.#renewed = new Set();
      const before = this.#world.machines.map(({ node }) => this.route(node)).join(" ");
      this.#world.count.changes += this.wireguard.apply(this.#tunnels, renewed);
      if (this.#world.machines.map(({ node }) => this.route(node)).join(" ") !== before) this.#world.hurry(this);
    });
  }

  /** Most has time until the next tick. */
  #plan(): void {
    const dueMs = nextDueMs(this.state);
    const { nowMs } = this.#world;
    if (dueMs - nowMs >= tickMs) return;
    const wakeMs = Math.max(nowMs + soonestMs, dueMs);
    if (wakeMs >= this.#wakeMs) return;
    this.#wakeMs = wakeMs;
    const life = this.#life;
    this.#world.after(wakeMs - nowMs, () => {
      if (life !== this.#life || this.#wakeMs !== wakeMs) return;
      this.#wakeMs = Infinity;
      this.tick();
    });
  }

  #trace(): void {
    for (const node of this.state.pairs.keys()) {
      const view = this.view(node);
      if (this.#views.get(node) === view) continue;
      this.#views.set(node, view);
      this.#world.log(`${this.name} -> ${this.#world.nameOf(node)}: ${view}`);
    }
  }
}

/** 25 letters as real ones are, that begin with the name. */
function nodeOf(name: string): string {
  return name
    .replaceAll(/[^a-z2-7]/g, "x")
    .padEnd(25, "a")
    .slice(0, 25);
}
