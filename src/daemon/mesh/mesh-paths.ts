import type { Link } from "../../adapters/tls/link.ts";
import type { LinkTable } from "../../adapters/tls/link-table.ts";
import { TokenBuckets, TokenBucket } from "../../adapters/tls/token-bucket.ts";
import type { WireGuardDump } from "../../adapters/wireguard/parse-dump.ts";
import { explainPath, pathOf, type PathView } from "../../paths/explain.ts";
import {
  ownFacts,
  seenBy,
  startPaths,
  tunnelsOf,
  type OwnSight,
  type PathMember,
  type PathsInput,
  type PathsState,
} from "../../paths/state.ts";
import { nextDueMs, stepPaths } from "../../paths/step.ts";
import type { Tunnel, TunnelFacts } from "../../paths/types.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { PathExplanation } from "../../resources/network-report.ts";
import { decodePathFrame, encodePathFrame, openLetter, sealLetter } from "../../trust/path-message.ts";
import type { SignedRecord } from "../../trust/record.ts";
import type { MeshBook } from "./mesh-book.ts";

export interface MeshPathsOptions {
  readonly book: MeshBook;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly own: () => OwnSight;
  /** Links and round trips, while there is a crew. */
  readonly links: () => LinkTable | undefined;
  readonly rttOf: (node: string) => number | undefined;
  /** What an invite says of a member that was never heard. */
  readonly hintsOf: (node: string) => TunnelFacts | undefined;
  /** Behind which place on this machine a connection carries packets to it. */
  readonly carriedAt: (node: string) => string | undefined;
  readonly observe: () => Promise<WireGuardDump | undefined>;
  /** This WireGuard peer is taken out and put in again: now, or with the change of it that comes next. Base64. */
  readonly renew: (publicKey: string, when: "now" | "with the next change") => void;
  /** What WireGuard is to be configured with has changed. */
  readonly onTunnels: () => void;
  /** What this machine says of itself has changed. */
  readonly onFacts: () => void;
}

const tickMs = 1_000;
const soonestMs = 20;
/** Longer and the message may be stuck in a connection whose way has just broken. */
const linkFreshMs = 4_000;
const lettersAtOnce = 2;
/** Letters of one member that are passed on. */
const rate = { perSecond: 5, burst: 20 };
const maxNodes = 1_024;

/** Runs `paths` over the interface, the links and the clock of this machine. */
export class MeshPaths {
  /** The interface was looked at: what an earlier daemon left there is known. */
  readonly ready: Promise<void>;
  readonly #options: MeshPathsOptions;
  readonly #records = new Map<string, SignedRecord>();
  readonly #forwarding = new TokenBuckets((nowMs) => new TokenBucket(rate.perSecond, rate.burst, nowMs), maxNodes);
  readonly #timer: NodeJS.Timeout;
  /** Of what is due before the next tick. */
  #soon: NodeJS.Timeout | undefined;
  #state: PathsState;
  #tunnels: readonly Tunnel[] = [];
  #facts: TunnelFacts;
  #given = { own: "", members: "" };
  #observing = false;
  #isOpen = true;
  #dump: WireGuardDump | undefined;

  constructor(options: MeshPathsOptions) {
    this.#options = options;
    this.#state = startPaths(options.book.node);
    this.#facts = ownFacts(this.#state);
    this.#timer = setInterval(() => void this.#tick(), tickMs).unref();
    this.ready = this.#tick();
  }

  get tunnels(): readonly Tunnel[] {
    return this.#tunnels;
  }

  get facts(): TunnelFacts {
    return this.#facts;
  }

  /** Where members see this machine's tunnel, by node id. */
  get seenBy(): ReadonlyMap<string, string> {
    return seenBy(this.#state);
  }

  /** Members that pass packets on and are reached straight. */
  get relays(): readonly string[] {
    return this.#state.relays.map(([node]) => node);
  }

  /** The interface as last seen; undefined: there is none. */
  get dump(): WireGuardDump | undefined {
    return this.#dump;
  }

  view(node: string): PathView {
    return pathOf(this.#state, node, this.#options.clock.monotonicMs());
  }

  explain(node: string, nameOf: (node: string) => string): PathExplanation {
    return explainPath(this.#state, node, { nameOf, nowMs: this.#options.clock.monotonicMs() });
  }

  /** A record of a member, from wherever. */
  heard(signed: SignedRecord): void {
    const { node, boot, seq, tunnel } = signed.record;
    const known = this.#records.get(node)?.record;
    if (known !== undefined && (boot < known.boot || (boot === known.boot && seq <= known.seq))) return;
    this.#records.set(node, signed);
    if (JSON.stringify(known?.tunnel) !== JSON.stringify(tunnel)) this.look();
  }

  recordOf(node: string): SignedRecord["record"] | undefined {
    return this.#records.get(node)?.record;
  }

  /** Addresses, links or members have changed. */
  look(): void {
    this.#give();
  }

  moved(): void {
    this.#give();
    this.#take({ kind: "moved" });
  }

  /** A `path` frame of a member. */
  receive(link: Link, bytes: Uint8Array): void {
    const { book, links, clock } = this.#options;
    const frame = decodePathFrame(bytes);
    if (frame === undefined) return;
    const sender = link.peer.node;
    if (frame.kind === "direct") return this.#take({ kind: "message", from: sender, message: frame.message });
    if (frame.kind === "forward") {
      const onward = links()?.get(frame.to);
      if (onward === undefined || !this.#forwarding.take(sender, clock.monotonicMs())) return;
      return onward.path(encodePathFrame({ kind: "forwarded", from: sender, letter: frame.letter }));
    }
    const author = book.memberOf(frame.from);
    if (author === undefined) return;
    const message = openLetter(frame.letter, Buffer.from(author.identity, "base64url"), book.node);
    if (message !== undefined) this.#take({ kind: "message", from: frame.from, message });
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#isOpen = false;
  }

  /** Tells the step what is new about this machine and its members; the same again is no input. */
  #give(): void {
    const own = this.#options.own();
    const members = this.#members();
    const given = { own: JSON.stringify(own), members: JSON.stringify(members) };
    const before = this.#given;
    this.#given = given;
    if (given.own !== before.own) this.#take({ kind: "own", own });
    if (given.members !== before.members) this.#take({ kind: "members", members });
  }

  #members(): readonly PathMember[] {
    const { book, links, rttOf, hintsOf, carriedAt, clock } = this.#options;
    const table = links();
    const nowMs = clock.monotonicMs();
    const others = book.membership.members.filter(({ node }) => node !== book.node);
    return others.map(({ node }): PathMember => {
      const link = table?.get(node);
      const rtt = rttOf(node);
      const carried = carriedAt(node);
      const facts = this.#records.get(node)?.record.tunnel ?? hintsOf(node);
      return {
        node,
        linked: link !== undefined && nowMs - link.heardMs < linkFreshMs,
        ...(facts === undefined ? {} : { facts }),
        ...(carried === undefined ? {} : { carried }),
        // Coarse: a figure that trembles is no news.
        ...(rtt === undefined ? {} : { rttMs: Math.max(1, Math.round(rtt)) }),
      };
    });
  }

  async #tick(): Promise<void> {
    if (!this.#isOpen) return;
    this.#give();
    await this.#observe();
    this.#take({ kind: "tick" });
  }

  async #observe(): Promise<void> {
    if (this.#observing) return;
    this.#observing = true;
    try {
      this.#dump = await this.#options.observe();
      this.#give();
      const now = this.#options.clock.now().getTime();
      const nodes = this.#nodesByKey();
      const owners = this.#nodesByAddress();
      const tunnels = (this.#dump?.peers ?? []).flatMap((peer) => {
        const node = nodes.get(peer.publicKey);
        if (node === undefined) return [];
        const { endpoint, receivedBytes, sentBytes, latestHandshakeSeconds: shaken } = peer;
        const carries = peer.allowedIps.flatMap((each) => owners.get(each) ?? []);
        return {
          ...{ node, receivedBytes, sentBytes, carries },
          ...(endpoint === undefined ? {} : { endpoint }),
          ...(shaken === 0 ? {} : { handshakeAgeMs: Math.max(0, now - shaken * 1_000) }),
        };
      });
      this.#take({ kind: "dump", tunnels });
    } catch (error) {
      this.#options.log.debug("the interface of the mesh cannot be looked at", { error });
    } finally {
      this.#observing = false;
    }
  }

  #nodesByKey(): ReadonlyMap<string, string> {
    const { members } = this.#options.book.membership;
    return new Map(members.map(({ node, wireguardKey }) => [wgKey(wireguardKey), node]));
  }

  #nodesByAddress(): ReadonlyMap<string, string> {
    const { members } = this.#options.book.membership;
    return new Map(members.flatMap(({ node, ip }) => (ip === undefined ? [] : [[`${ip}/32`, node] as const])));
  }

  #take(input: PathsInput): void {
    const { clock, random, onTunnels, onFacts } = this.#options;
    const moment = { nowMs: clock.monotonicMs(), random: random() };
    const { state, outputs } = stepPaths(this.#state, input, moment);
    this.#state = state;
    const tunnels = tunnelsOf(state);
    const before = this.#tunnels;
    const isOther = tunnels !== before;
    this.#tunnels = tunnels;
    const facts = ownFacts(state);
    if (facts !== this.#facts) {
      this.#facts = facts;
      onFacts();
    }
    for (const output of outputs) {
      if (output.kind === "say") this.#say(output.to, output.message);
      else this.#renew(output.node, before);
    }
    if (isOther) onTunnels();
    this.#plan();
  }

  #renew(node: string, before: readonly Tunnel[]): void {
    const member = this.#options.book.memberOf(node);
    if (member === undefined) return;
    const of = (tunnels: readonly Tunnel[]): string => JSON.stringify(tunnels.find((each) => each.node === node));
    const isOther = of(before) !== of(this.#tunnels);
    this.#options.renew(wgKey(member.wireguardKey), isOther ? "with the next change" : "now");
  }

  /** Most has time until the next tick; what is due before is done with a fresh look at the interface. */
  #plan(): void {
    clearTimeout(this.#soon);
    const waitMs = nextDueMs(this.#state) - this.#options.clock.monotonicMs();
    if (waitMs >= tickMs || !this.#isOpen) return;
    this.#soon = setTimeout(() => void this.#tick(), Math.max(soonestMs, waitMs)).unref();
  }

  /** Over its own link; where that is not there, or may be stuck, through others that both know. */
  #say(to: string, message: Uint8Array): void {
    const { links, clock, book } = this.#options;
    const table = links();
    const link = table?.get(to);
    link?.path(encodePathFrame({ kind: "direct", message }));
    const isFresh = link !== undefined && clock.monotonicMs() - link.heardMs < linkFreshMs;
    if (isFresh || table === undefined) return;
    const letter = sealLetter(message, to, book.identity.identityKey);
    const bytes = encodePathFrame({ kind: "forward", to, letter });
    for (const other of this.#couriers(table, to)) other.path(bytes);
  }

  /** Those that relay are linked to most. */
  #couriers(table: LinkTable, to: string): readonly Link[] {
    const { clock, random } = this.#options;
    const nowMs = clock.monotonicMs();
    const fresh = table.all().filter(({ peer, heardMs }) => peer.node !== to && nowMs - heardMs < linkFreshMs);
    const rank = ({ peer }: Link): number => (this.#records.get(peer.node)?.record.tunnel?.relays === true ? 0 : 1);
    return fresh
      .map((link) => ({ link, rank: rank(link) + random() / 2 }))
      .toSorted((a, b) => a.rank - b.rank)
      .slice(0, lettersAtOnce)
      .map(({ link }) => link);
  }
}

/** Statements write keys in base64url, WireGuard in base64. */
export function wgKey(key: string): string {
  return Buffer.from(key, "base64url").toString("base64");
}
