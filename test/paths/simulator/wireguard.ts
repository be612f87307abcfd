import type { TunnelSight } from "../../../src/paths/state.ts";
import type { Tunnel } from "../../../src/paths/types.ts";
import type { Agenda } from "../../gossip/simulator/agenda.ts";

/** What goes into the tunnel. */
export interface Inner {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly hops: number;
  readonly arrive: () => void;
}

/** Whom a packet is from stands in its encrypted part. */
export type Packet =
  | { readonly kind: "start"; readonly from: string; readonly to: string; readonly id: number; readonly atMs: number }
  | {
      readonly kind: "answer";
      readonly from: string;
      readonly to: string;
      readonly id: number;
      readonly session: number;
    }
  | { readonly kind: "data"; readonly to: string; readonly session: number; readonly inner: Inner | undefined };

interface Session {
  readonly id: number;
  readonly madeMs: number;
  readonly isInitiator: boolean;
}

type TimerName = "retry" | "passive" | "silence" | "persistent";

interface Peer {
  readonly node: string;
  endpoint: string | undefined;
  keepaliveMs: number;
  current: Session | undefined;
  previous: Session | undefined;
  next: Session | undefined;
  /** Own handshake that waits for its answer. */
  started: number | undefined;
  /** When a handshake packet was sent last, a start or an answer. */
  handshakeSentMs: number;
  attempts: number;
  newestStartMs: number;
  startHeardMs: number;
  queue: (Inner | undefined)[];
  received: number;
  sent: number;
  shakenMs: number | undefined;
  readonly timers: Map<TimerName, number>;
}

export interface WireGuardOptions {
  readonly node: string;
  readonly agenda: Agenda;
  readonly random: () => number;
  readonly send: (endpoint: string, packet: Packet) => void;
  readonly canRelay: () => boolean;
  readonly newId: () => number;
}

const rekeyTimeoutMs = 5_000;
const maxAttempts = 18;
const rejectMs = 180_000;
const rekeyMs = 120_000;
const floodMs = 20;
const bytesOf = { start: 148, answer: 92, data: 32 } as const;

/** One interface, as wireguard-go does it (measured, and by its sources). */
export class WireGuard {
  readonly #options: WireGuardOptions;
  readonly #peers = new Map<string, Peer>();
  #carriers = new Map<string, string>();
  /** By node: what was configured last. */
  #configured = new Map<string, Tunnel>();
  isUp = false;

  constructor(options: WireGuardOptions) {
    this.#options = options;
  }

  /** Forgets everything, as after the machine was off. */
  reset(): void {
    this.#peers.clear();
    this.#carriers.clear();
    this.#configured.clear();
    this.isUp = false;
  }

  /** Peers one by one; what is not touched keeps its session and the endpoint it was last heard from. Says how many changed. */
  apply(tunnels: readonly Tunnel[], renewed: ReadonlySet<string>): number {
    this.isUp = true;
    const before = this.#configured;
    this.#configured = new Map(tunnels.map((tunnel) => [tunnel.node, tunnel]));
    for (const node of this.#peers.keys())
      if (!this.#configured.has(node) || renewed.has(node)) this.#peers.delete(node);
    this.#carriers = new Map(tunnels.flatMap(({ node, carries }) => carries.map((each) => [each, node] as const)));
    let changes = 0;
    for (const tunnel of tunnels) {
      const last = before.get(tunnel.node);
      if (JSON.stringify(last) !== JSON.stringify(tunnel)) changes += 1;
      this.#configure(tunnel, last);
    }
    return changes;
  }

  #configure({ node, endpoint, keepaliveSeconds = 0 }: Tunnel, last: Tunnel | undefined): void {
    const known = this.#peers.get(node);
    const peer = known ?? newPeer(node);
    this.#peers.set(node, peer);
    const isProven = peer.endpoint !== undefined && peer.shakenMs !== undefined;
    if (endpoint !== undefined && (!isProven || (last !== undefined && last.endpoint !== endpoint)))
      peer.endpoint = endpoint;
    const isNowOn = peer.keepaliveMs === 0 && keepaliveSeconds > 0;
    peer.keepaliveMs = keepaliveSeconds * 1_000;
    if (isNowOn) this.#keepAlive(peer);
  }

  /** Whom packets to a member are given to. */
  carrierOf(node: string): string | undefined {
    return this.#carriers.get(node);
  }

  dump(): readonly TunnelSight[] {
    const { nowMs } = this.#options.agenda;
    return [...this.#peers.values()].map(({ node, endpoint, shakenMs, received, sent }) => ({
      ...{ node, receivedBytes: received, sentBytes: sent },
      carries: [...this.#carriers].flatMap(([each, carrier]) => (carrier === node ? [each] : [])),
      ...(endpoint === undefined ? {} : { endpoint }),
      // Stamps have whole seconds.
      ...(shakenMs === undefined ? {} : { handshakeAgeMs: nowMs - Math.floor(shakenMs / 1_000) * 1_000 }),
    }));
  }

  send(inner: Inner): void {
    const peer = this.#peers.get(this.#carriers.get(inner.to) ?? "");
    if (peer === undefined) return;
    peer.queue = [...peer.queue, inner].slice(-128);
    this.#flush(peer);
  }

  receive(source: string, packet: Packet): void {
    if (!this.isUp || packet.to !== this.#options.node) return;
    if (packet.kind === "data") return this.#takeData(source, packet);
    const peer = this.#peers.get(packet.from);
    if (peer === undefined) return;
    if (packet.kind === "start") this.#takeStart(peer, source, packet);
    else this.#takeAnswer(peer, source, packet);
  }

  #takeStart(peer: Peer, source: string, { id, atMs }: Extract<Packet, { kind: "start" }>): void {
    const { nowMs } = this.#options.agenda;
    if (atMs <= peer.newestStartMs || nowMs - peer.startHeardMs < floodMs) return;
    peer.newestStartMs = atMs;
    peer.startHeardMs = nowMs;
    // Two starts that cross cancel each other.
    peer.started = undefined;
    this.#heard(peer, source, bytesOf.start);
    peer.next = { id: this.#options.newId(), madeMs: nowMs, isInitiator: false };
    peer.previous = undefined;
    peer.handshakeSentMs = nowMs;
    const { node } = this.#options;
    this.#transmit(peer, bytesOf.answer, { kind: "answer", from: node, to: peer.node, id, session: peer.next.id });
  }

  #takeAnswer(peer: Peer, source: string, { id, session }: Extract<Packet, { kind: "answer" }>): void {
    if (peer.started !== id) return;
    peer.started = undefined;
    this.#heard(peer, source, bytesOf.answer);
    peer.previous = peer.next ?? peer.current;
    peer.next = undefined;
    peer.current = { id: session, madeMs: this.#options.agenda.nowMs, isInitiator: true };
    this.#shaken(peer);
    this.#keepAlive(peer);
  }

  #takeData(source: string, { session, inner }: Extract<Packet, { kind: "data" }>): void {
    const { nowMs } = this.#options.agenda;
    for (const peer of this.#peers.values()) {
      const found = [peer.next, peer.current, peer.previous].find((each) => each?.id === session);
      if (found === undefined) continue;
      if (nowMs - found.madeMs > rejectMs) return;
      this.#heard(peer, source, bytesOf.data + (inner?.bytes ?? 0));
      if (found === peer.next) {
        peer.previous = peer.current;
        peer.current = found;
        peer.next = undefined;
        this.#shaken(peer);
        this.#flush(peer);
      }
      if (found === peer.current && found.isInitiator && nowMs - found.madeMs > rejectMs - 15_000) this.#start(peer);
      if (inner === undefined) return;
      if (!peer.timers.has("passive")) this.#arm(peer, "passive", 10_000, () => this.#keepAlive(peer));
      return this.#open(peer, inner);
    }
  }

  #open(peer: Peer, inner: Inner): void {
    if (this.#carriers.get(inner.from) !== peer.node) return;
    if (inner.to === this.#options.node) return inner.arrive();
    if (this.#options.canRelay() && inner.hops < 8) this.send({ ...inner, hops: inner.hops + 1 });
  }

  #flush(peer: Peer): void {
    if (peer.queue.length === 0) return;
    const { nowMs } = this.#options.agenda;
    const { current } = peer;
    if (current === undefined || nowMs - current.madeMs > rejectMs) return this.#start(peer);
    const { queue } = peer;
    peer.queue = [];
    for (const inner of queue) {
      this.#transmit(peer, bytesOf.data + (inner?.bytes ?? 0), {
        kind: "data",
        to: peer.node,
        session: current.id,
        inner,
      });
      if (inner === undefined || peer.timers.has("silence")) continue;
      this.#arm(peer, "silence", 15_000 + this.#options.random() * 333, () => this.#start(peer));
    }
    if (current.isInitiator && nowMs - current.madeMs > rekeyMs) this.#start(peer);
  }

  #keepAlive(peer: Peer): void {
    if (peer.queue.length === 0) peer.queue.push(undefined);
    this.#flush(peer);
  }

  #start(peer: Peer, isRetry = false): void {
    const { agenda, random, node } = this.#options;
    if (!isRetry) peer.attempts = 0;
    // So a retry that comes soon after an answer is left out, and no other follows it.
    if (agenda.nowMs - peer.handshakeSentMs < rekeyTimeoutMs) return;
    peer.handshakeSentMs = agenda.nowMs;
    peer.started = this.#options.newId();
    const start = { kind: "start", from: node, to: peer.node, id: peer.started, atMs: agenda.nowMs } as const;
    this.#transmit(peer, bytesOf.start, start);
    this.#arm(peer, "retry", rekeyTimeoutMs + random() * 333, () => {
      if (peer.attempts >= maxAttempts) {
        peer.queue = [];
        return;
      }
      peer.attempts += 1;
      this.#start(peer, true);
    });
  }

  #shaken(peer: Peer): void {
    peer.timers.delete("retry");
    peer.attempts = 0;
    peer.shakenMs = this.#options.agenda.nowMs;
  }

  #heard(peer: Peer, source: string, bytes: number): void {
    peer.endpoint = source;
    peer.received += bytes;
    peer.timers.delete("silence");
    this.#persist(peer);
  }

  #transmit(peer: Peer, bytes: number, packet: Packet): void {
    peer.timers.delete("passive");
    this.#persist(peer);
    if (peer.endpoint === undefined) return;
    peer.sent += bytes;
    this.#options.send(peer.endpoint, packet);
  }

  #persist(peer: Peer): void {
    if (peer.keepaliveMs === 0) return;
    this.#arm(peer, "persistent", peer.keepaliveMs, () => {
      if (peer.keepaliveMs > 0) this.#keepAlive(peer);
    });
  }

  #arm(peer: Peer, name: TimerName, afterMs: number, run: () => void): void {
    const { agenda, newId } = this.#options;
    const token = newId();
    peer.timers.set(name, token);
    agenda.at(agenda.nowMs + afterMs, () => {
      if (peer.timers.get(name) !== token || this.#peers.get(peer.node) !== peer) return;
      peer.timers.delete(name);
      run();
    });
  }
}

function newPeer(node: string): Peer {
  return {
    ...{ node, endpoint: undefined, keepaliveMs: 0, current: undefined, previous: undefined, next: undefined },
    ...{ started: undefined, handshakeSentMs: -Infinity, attempts: 0, newestStartMs: -Infinity },
    ...{ startHeardMs: -Infinity, queue: [], received: 0, sent: 0, shakenMs: undefined, timers: new Map() },
  };
}
