import type { Duplex } from "node:stream";
import { formatEndpoint } from "../adapters/tls/endpoint.ts";
import { Link, type LinkPeer } from "../adapters/tls/link.ts";
import type { LinkTable } from "../adapters/tls/link-table.ts";
import { admissionMs } from "../adapters/tls/session.ts";
import { isOnLink, ownAddresses } from "../adapters/udp/interfaces.ts";
import type { SilenceLimits } from "../controllers/peer/ports.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import { openRecord, type LiveRecord, type RecordOrder, type SignedRecord } from "../trust/record.ts";
import type { DialTarget } from "./crew-dialer.ts";
import type { CrewMembers, Member } from "./crew-members.ts";
import type { CrewMesh } from "./crew-mesh.ts";
import type { CrewPeers } from "./crew-peers.ts";
import type { CrewSelf } from "./crew-self.ts";

export interface CrewLinksOptions {
  readonly table: LinkTable;
  readonly members: CrewMembers;
  readonly peers: CrewPeers;
  readonly self: CrewSelf;
  readonly clock: Clock;
  readonly log: Logger;
  readonly silence: SilenceLimits;
  readonly allow: (node: string) => boolean;
  readonly wake: (peer: string) => void;
  /** The member is there again, or has more to lend than its record before said. */
  readonly onNews: (node: string) => void;
  /** A record of this machine went to everybody linked. */
  readonly onBeat: (record: Uint8Array) => void;
  readonly onLinked: (node: string, target: DialTarget | undefined) => void;
  /** The link in use is gone and no other took its place. */
  readonly onLost: (node: string) => void;
  readonly mesh?: CrewMesh;
}

interface Opening {
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly peer: LinkPeer;
  /** Set when this machine dialled. */
  readonly target?: DialTarget;
}

/** Figures are looked at this often; the controller then decides whether they have moved enough to be said. */
const duplicateMs = 2_000;
const figuresMs = 15_000;

function isSilent({ heardMs, left }: Member, now: number, suspectMs: number): boolean {
  return heardMs === undefined || now - heardMs >= suspectMs || left === true;
}

/** Memory comes and goes by small amounts all the time; a sixteenth is one to look at. */
function lendsMore(before: LiveRecord | undefined, now: LiveRecord): boolean {
  if (before === undefined) return true;
  const free = ({ allocatable, allocated }: LiveRecord, what: "cpu" | "memory" | "disk" | "jobs"): number =>
    allocatable[what] - allocated[what];
  if ((["cpu", "memory", "disk", "jobs"] as const).some((what) => free(now, what) > free(before, what))) return true;
  if (now.memoryFree - before.memoryFree > now.memoryTotal / 16) return true;
  return JSON.stringify({ ...before.lends, snoozedForMs: 0 }) !== JSON.stringify({ ...now.lends, snoozedForMs: 0 });
}

/** What happens on links: a record first, which decides whether the link may stay; then heartbeats. */
export class CrewLinks {
  readonly #options: CrewLinksOptions;
  readonly #wokenMs = new Map<string, number>();

  constructor(options: CrewLinksOptions) {
    this.#options = options;
  }

  /** Resolves when it is known whether there is a link to this peer now. */
  open({ socket, head, peer, target }: Opening): Promise<boolean> {
    const { clock, allow, table, self, mesh } = this.#options;
    const link = new Link({
      socket,
      peer,
      dialled: target !== undefined,
      nowMs: () => clock.monotonicMs(),
      allow: () => allow(peer.node),
    });
    return new Promise((resolve) => {
      let member: Member | undefined;
      const timer = setTimeout(() => link.close("no record came in time"), admissionMs).unref();
      const events = {
        record: (bytes: Uint8Array): void => {
          const signed = openRecord(bytes);
          if (signed === undefined || signed.record.node !== peer.node) return link.close("a record is not sound");
          if (member !== undefined) return this.#hear(link, member, signed);
          clearTimeout(timer);
          member = this.#admit(link, signed, target);
          resolve(member !== undefined);
        },
        gossip: (message: Uint8Array): void => table.deliver(link, message),
        known: (bytes: Uint8Array): void => {
          if (self.jumpPast(bytes)) link.heartbeat(self.nextRecord());
        },
        membership: (word: Uint8Array): void => mesh?.membership(link, word, member !== undefined),
        path: (message: Uint8Array): void => void (member !== undefined && mesh?.path(link, message)),
        rtt: (milliseconds: number): void => this.#measured(link, member, milliseconds),
        closed: (reason: string | undefined): void => {
          clearTimeout(timer);
          resolve(false);
          this.#lost(link, reason);
        },
      };
      link.start(events, head);
      mesh?.greet(link);
      link.heartbeat(self.nextRecord());
    });
  }

  /** Cuts links that have fallen silent, and tells the others how this machine is. */
  beat(): void {
    const { table, silence, clock, self } = this.#options;
    const links = table.all();
    if (links.length === 0) return;
    const record = self.nextRecord();
    for (const link of links) {
      if (clock.monotonicMs() - link.heardMs >= silence.suspectMs) link.close("silent");
      else link.heartbeat(record);
    }
    this.#options.onBeat(record);
  }

  /** Somebody saw two records of this machine with one number. */
  contradicts(node: string): void {
    const { members, clock, log } = this.#options;
    const member = members.get(node);
    log.warn("two different records carry one number", { node, peer: member?.peer });
    if (member === undefined) return;
    member.contradicts = true;
    this.#wake(member, clock.monotonicMs());
  }

  /** Links from an address this machine no longer has lead nowhere. */
  cutMoved(addresses: ReadonlySet<string>): void {
    for (const link of this.#options.table.all()) {
      const { localAddress } = link.peer;
      if (!addresses.has(localAddress) && !localAddress.startsWith("127.") && localAddress !== "::1")
        link.close("address gone");
    }
  }

  #admit(link: Link, signed: SignedRecord, target: DialTarget | undefined): Member | undefined {
    const { members, peers, table, log, onLinked } = this.#options;
    const admission = members.admit(signed);
    const typed = target?.peer;
    if (!admission.ok) {
      const { message } = admission.trust;
      log.warn("a machine is kept out", { node: link.peer.node, address: link.peer.remoteAddress, reason: message });
      if (typed !== undefined) peers.refuse(typed, admission.trust);
      for (const member of members.all())
        if (member.rival !== undefined && member.peer !== undefined) this.#options.wake(member.peer);
      link.close(message);
      return undefined;
    }
    const { member } = admission;
    // False is no failure: another link to the same peer stays.
    if (table.claim({ link, boot: signed.record.boot })) {
      this.#settle(link, member);
      this.#options.mesh?.linked(link);
      log.info("linked", { peer: member.name, node: member.node, dialled: link.dialled });
    }
    this.#hear(link, member, signed);
    void peers.bind(member, typed);
    onLinked(member.node, target);
    return member;
  }

  #settle(link: Link, member: Member): void {
    const { remoteAddress, remotePort } = link.peer;
    const kind = isOnLink(remoteAddress, ownAddresses()) ? ("lan" as const) : ("direct" as const);
    member.path = {
      kind,
      via: link.dialled ? formatEndpoint({ host: remoteAddress, port: remotePort }) : remoteAddress,
    };
    if (link.dialled)
      this.#options.members.reachedAt(member, formatEndpoint({ host: remoteAddress, port: remotePort }));
  }

  #hear(link: Link, member: Member, signed: SignedRecord): void {
    const { members, clock, silence } = this.#options;
    const now = clock.monotonicMs();
    const wasSilent = isSilent(member, now, silence.suspectMs);
    const before = member.newest?.record;
    const order = members.hear(member, signed);
    this.#options.mesh?.heard(signed);
    if (order === "older" && member.newest !== undefined) link.tellKnown(member.newest.bytes);
    member.heardMs = now;
    delete member.left;
    if (order === "newer" && (wasSilent || lendsMore(before, signed.record))) this.#options.onNews(member.node);
    this.#compareClocks(member, order, signed);
    this.#learnPlace(link, member, signed);
    const isDue = now - (this.#wokenMs.get(member.node) ?? -Infinity) >= figuresMs;
    if (wasSilent || isDue || order === "contradiction") this.#wake(member, now);
  }

  /** Only what comes straight from its owner is fresh enough. Nothing but a line for people depends on it. */
  #compareClocks(member: Member, order: RecordOrder, { record }: SignedRecord): void {
    if (order !== "newer" || record.wallClockMs === undefined) return;
    member.clockAheadMs = record.wallClockMs - this.#options.clock.now().getTime();
  }

  /** Where a machine that dialled us listens: the port it names, at the address the link really comes from. */
  #learnPlace(link: Link, member: Member, { record }: SignedRecord): void {
    if (link.dialled || this.#options.table.get(member.node) !== link) return;
    const port = record.endpoints.map((each) => /:(\d+)$/.exec(each)?.[1]).find((each) => each !== undefined);
    if (port === undefined) return;
    const endpoint = formatEndpoint({ host: link.peer.remoteAddress, port: Number(port) });
    if (member.path?.via === link.peer.remoteAddress) member.path = { ...member.path, via: endpoint };
    this.#options.members.reachedAt(member, endpoint);
  }

  #measured(link: Link, member: Member | undefined, milliseconds: number): void {
    if (member === undefined || this.#options.table.get(member.node) !== link) return;
    const isFirst = member.rttMs === undefined;
    // A moving average, so that one slow answer is not the path.
    member.rttMs = isFirst ? milliseconds : (member.rttMs ?? 0) * 0.75 + milliseconds * 0.25;
    if (isFirst) this.#wake(member, this.#options.clock.monotonicMs());
  }

  #lost(link: Link, reason: string | undefined): void {
    const { node } = link.peer;
    if (!this.#options.table.release(link)) return;
    const member = this.#options.members.get(node);
    if (member === undefined) return;
    if (reason === "leaving") member.left = true;
    delete member.rttMs;
    delete member.clockAheadMs;
    this.#options.log.info("a link is gone", { peer: member.peer, address: link.peer.remoteAddress, reason });
    this.#wake(member, this.#options.clock.monotonicMs());
    this.#options.mesh?.lost(node);
    // The other end has another link, of which the first record is on its way.
    if (reason === "duplicate") setTimeout(() => this.#options.onLost(node), duplicateMs).unref();
    else this.#options.onLost(node);
  }

  #wake(member: Member, now: number): void {
    this.#wokenMs.set(member.node, now);
    if (member.peer !== undefined) this.#options.wake(member.peer);
  }
}
