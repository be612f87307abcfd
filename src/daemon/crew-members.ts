import type { Pin, PinFiles } from "../adapters/identity/pins.ts";
import type { PeerPath } from "../resources/peer.ts";
import type { PeerFigures, PeerTrust } from "../controllers/peer/ports.ts";
import { pinMark, type GroupKeys } from "../trust/group-secret.ts";
import type { Roster } from "./crew-mesh.ts";
import { orderRecords, type LiveRecord, type RecordOrder, type SignedRecord } from "../trust/record.ts";

/** A machine that once proved the group secret here. */
export interface Member {
  readonly node: string;
  /** Raw Ed25519 public key. */
  readonly identity: Buffer;
  /** What it calls itself. */
  name: string;
  /** Name of its Peer object; absent until there is one. */
  peer?: string;
  /** HOST:PORT, best first. */
  endpoints: readonly string[];
  /** True: it proved the secret of today, now or before this start; in a mesh: statements say that it belongs to it. */
  admitted: boolean;
  /** It belonged to the network and does no more. */
  gone?: "Revoked" | "Left" | "Rotated";
  newest?: SignedRecord;
  /** Monotonic. */
  heardMs?: number;
  rttMs?: number;
  /** By how much its wall clock was ahead of ours when its newest record came over the link; absent without a link. */
  clockAheadMs?: number;
  path?: Pick<PeerPath, "kind" | "via">;
  left?: boolean;
  contradicts?: boolean;
  /** Words about another machine that claims its name. */
  rival?: string;
}

export interface MembersOptions {
  readonly pins: PinFiles;
  readonly keys: GroupKeys;
  /** What this machine calls itself. */
  readonly ownName: string;
  /** In a mesh it says who is a member, and no secret does. */
  readonly roster?: Roster;
}

export type Admission =
  | { readonly ok: true; readonly member: Member }
  | { readonly ok: false; readonly trust: Extract<PeerTrust, { kind: "refused" }> };

/** A member who invents machines fills no disk. */
export const maxMembers = 256;
/** How many places of one member are remembered. */
const maxEndpoints = 4;

/** Who belongs to the crew of this machine: pins on disk, and in memory what each member last said. */
export class CrewMembers {
  readonly #options: MembersOptions;
  readonly #members = new Map<string, Member>();

  constructor(options: MembersOptions) {
    this.#options = options;
    for (const pin of options.pins.load()) {
      const identity = Buffer.from(pin.identity, "base64");
      const { node, name, peer, endpoints } = pin;
      const admitted = pin.mark === pinMark(options.keys, identity);
      this.#members.set(node, { node, identity, name, peer, endpoints, admitted });
    }
    this.consult();
  }

  /** Takes over what the roster says now. Answers those who were members a moment ago. */
  consult(): readonly Member[] {
    const { roster } = this.#options;
    if (roster === undefined) return [];
    const before = this.all().filter(({ admitted }) => admitted);
    const chartered = new Map(roster.members().map((each) => [each.node, each]));
    for (const { node, identity, name } of chartered.values()) {
      const member = this.#members.get(node) ?? { node, identity, name, endpoints: [], admitted: true };
      this.#members.set(node, member);
      const isNew = member.name !== name || !member.admitted;
      Object.assign(member, { name, admitted: true });
      if (isNew) this.save(member);
    }
    for (const member of this.#members.values()) {
      if (chartered.has(member.node)) continue;
      member.admitted = false;
      const gone = roster.gone(member.node);
      if (gone !== undefined) member.gone = gone;
    }
    return before.filter(({ admitted }) => !admitted);
  }

  all(): readonly Member[] {
    return [...this.#members.values()];
  }

  get(node: string): Member | undefined {
    return this.#members.get(node);
  }

  ofPeer(peer: string): Member | undefined {
    return this.all().find((member) => member.peer === peer);
  }

  isAdmitted(node: string): boolean {
    return this.#members.get(node)?.admitted === true;
  }

  /** It was a member of the network, and no machine has it back. */
  isBarred(node: string): boolean {
    return this.#options.roster?.gone(node) !== undefined;
  }

  /** Takes in a machine that proved the secret and shows its record. A name belongs to the key that had it first. */
  admit(signed: SignedRecord): Admission {
    const { node, name } = signed.record;
    if (this.#options.roster !== undefined) return this.#admitChartered(node);
    if (name === this.#options.ownName) return nameTaken(`it calls itself "${name}", as this machine does`);
    const holder = this.all().find((member) => member.name === name && member.node !== node);
    if (holder !== undefined) {
      holder.rival = `a machine with another key (${node}) calls itself "${name}" too; it is kept out`;
      return nameTaken(`it calls itself "${name}", which is the name of ${holder.node}`);
    }
    const known = this.#members.get(node);
    if (known === undefined && this.#members.size >= maxMembers) {
      const message = `there are ${maxMembers} members already; remove peers that are gone for good`;
      return { ok: false, trust: { kind: "refused", reason: "CrewFull", message } };
    }
    const fresh: Member = { node, identity: Buffer.from(signed.identity), name, endpoints: [], admitted: true };
    const member = known ?? fresh;
    this.#members.set(node, member);
    const changed = known === undefined || known.name !== name || !known.admitted;
    member.name = name;
    member.admitted = true;
    delete member.left;
    if (changed) this.save(member);
    return { ok: true, member };
  }

  #admitChartered(node: string): Admission {
    const member = this.#members.get(node);
    if (member?.admitted === true) {
      delete member.left;
      return { ok: true, member };
    }
    const gone = this.#options.roster?.gone(node);
    const why = gone === undefined ? "nobody of the network has admitted it" : `it is out of the network (${gone})`;
    return { ok: false, trust: { kind: "refused", reason: "NotAdmitted", message: why } };
  }

  /** Keeps the record if it is news. */
  hear(member: Member, signed: SignedRecord): RecordOrder {
    const order = orderRecords(member.newest, signed);
    // The pinned name stays: it changes only with a new link, where it is checked against everybody else's.
    if (order === "newer") member.newest = signed;
    if (order === "contradiction") member.contradicts = true;
    return order;
  }

  reachedAt(member: Member, endpoint: string): void {
    if (member.endpoints[0] === endpoint) return;
    member.endpoints = [endpoint, ...member.endpoints.filter((each) => each !== endpoint)].slice(0, maxEndpoints);
    this.save(member);
  }

  bind(member: Member, peer: string): void {
    if (member.peer === peer) return;
    member.peer = peer;
    this.save(member);
  }

  forget(member: Member): void {
    this.#members.delete(member.node);
    this.#options.pins.remove(member.node);
  }

  /** Written only once it is bound: a pin without its Peer object says that somebody removed the object. */
  save({ node, identity, name, peer, endpoints, admitted }: Member): void {
    if (peer === undefined) return;
    const mark = admitted ? pinMark(this.#options.keys, identity) : "";
    const pin: Pin = { node, identity: identity.toString("base64"), name, peer, mark, endpoints };
    this.#options.pins.save(pin);
  }
}

export function figuresOf(record: LiveRecord, rttMs: number | undefined): PeerFigures {
  const { cpuCount, cpuUsedPercent, memoryTotal, memoryFree, diskFree, gpus, jobs } = record;
  return {
    resources: { cpuCount, cpuUsedPercent, memoryTotal, memoryFree, diskFree, gpus: [...gpus] },
    jobs,
    ...(rttMs === undefined ? {} : { rttMs: Math.round(rttMs * 10) / 10 }),
  };
}

function nameTaken(message: string): Admission {
  return { ok: false, trust: { kind: "refused", reason: "NameTaken", message } };
}
