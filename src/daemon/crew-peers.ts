import { formatEndpoint, parseEndpoint, type Endpoint } from "../adapters/tls/endpoint.ts";
import type { PeerSight, PeerTrust, SilenceLimits } from "../controllers/peer/ports.ts";
import { HomieError } from "../resources/errors.ts";
import { managedByAnnotation, type Peer } from "../resources/peer.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import type { Manifest } from "../resources/types.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import type { ObjectStore } from "../store/types.ts";
import { nodeIdOf } from "../trust/identity.ts";
import { parseEndpoints, type DialTarget } from "./crew-dialer.ts";
import { figuresOf, type CrewMembers, type Member } from "./crew-members.ts";
import type { CrewMesh } from "./crew-mesh.ts";

export interface CrewPeersOptions {
  readonly store: ObjectStore;
  readonly declared: Pick<DeclaredWriter, "write" | "remove">;
  readonly members: CrewMembers;
  readonly clock: Clock;
  readonly log: Logger;
  readonly silence: SilenceLimits;
  readonly isLinked: (node: string) => boolean;
  /** Others told of it before it was met. */
  readonly isIntroduced: (node: string) => boolean;
  /** Node id of this machine: a list of peers that several machines share names it too. */
  readonly own: string;
  readonly mesh?: Pick<CrewMesh, "charterOf" | "throughTunnel" | "otherPlaces" | "pathOf" | "strangers">;
  /** The controller has something new to say about this Peer. */
  readonly wake: (peer: string) => void;
}

export const defaultPeerPort = 5556;

/** Peer objects and what belongs to them: whom to dial for each, which member each one is, and how it looks. */
export class CrewPeers {
  readonly #options: CrewPeersOptions;
  readonly #startedMs: number;
  readonly #proved: PeerTrust;
  readonly #refusals = new Map<string, PeerTrust>();
  readonly #problems = new Map<string, { readonly failure: string; readonly message: string }>();
  /** A second Peer object for a member that has one already. */
  readonly #aliases = new Map<string, string>();
  readonly #pending = new Set<string>();

  constructor(options: CrewPeersOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
    this.#proved = { kind: "proved", by: options.mesh === undefined ? "secret" : "statements" };
  }

  list(): readonly Peer[] {
    return this.#options.store.list<Peer>("Peer");
  }

  memberOf(peer: string): Member | undefined {
    const { members } = this.#options;
    return members.ofPeer(peer) ?? members.get(this.#aliases.get(peer) ?? "");
  }

  /** Members whose Peer object is gone: somebody removed it. */
  orphans(): readonly Member[] {
    const { members, store } = this.#options;
    return members.all().filter(({ peer }) => {
      return peer !== undefined && !this.#pending.has(peer) && store.get({ kind: "Peer", name: peer }) === undefined;
    });
  }

  /** A changed or removed object starts with a clean slate. */
  changed(peer: string): void {
    if (this.#options.store.get({ kind: "Peer", name: peer }) !== undefined) return;
    this.#refusals.delete(peer);
    this.#problems.delete(peer);
    this.#aliases.delete(peer);
  }

  /** Whom to keep a link to: members at their last places, and what people typed. A file homie wrote is no reason to dial. */
  targets(): readonly DialTarget[] {
    const typed = this.list().flatMap((peer) => this.#targetOf(peer) ?? []);
    const named = new Set(typed.flatMap(({ expected }) => expected ?? []));
    const pinned = this.#options.members
      .all()
      .filter(({ node, admitted }) => admitted && !named.has(node))
      .map(({ node, endpoints }) => ({
        key: `node/${node}`,
        endpoints: this.placesOf(node, endpoints),
        expected: node,
      }));
    const strangers = this.#options.mesh?.strangers() ?? [];
    const invited = strangers.map(({ node, endpoints }) => ({ key: `node/${node}`, endpoints, expected: node }));
    return [...typed, ...pinned, ...invited];
  }

  /** Through the tunnel first, then where it was reached before, then where an invite says it is. */
  placesOf(node: string, known: readonly string[]): readonly Endpoint[] {
    const { mesh } = this.#options;
    const inside = mesh?.throughTunnel(node);
    const all = [
      ...(inside === undefined ? [] : [inside]),
      ...parseEndpoints(known, defaultPeerPort),
      ...(mesh?.otherPlaces(node) ?? []),
    ];
    return [...new Map(all.map((each) => [formatEndpoint(each), each])).values()];
  }

  refuse(peer: string, trust: Extract<PeerTrust, { kind: "refused" }>): void {
    this.#refusals.set(peer, trust);
    this.#options.wake(peer);
  }

  /** Words change with every try; a new message is said only for another kind of failure. */
  dialFailed(peer: string, failure: string, message: string): void {
    if (this.#problems.get(peer)?.failure === failure) return;
    this.#problems.set(peer, { failure, message });
    this.#options.wake(peer);
  }

  /** Gives the member its Peer object: the one that was dialled for, the one it has, one that names its key, or a new one. */
  async bind(member: Member, dialledFor: string | undefined): Promise<void> {
    const { store, members, wake } = this.#options;
    const had = member.peer;
    const exists = (name: string | undefined): name is string =>
      name !== undefined && (this.#pending.has(name) || store.get({ kind: "Peer", name }) !== undefined);
    const chosen = [dialledFor, had, this.#namingKey(member)].find(exists) ?? (await this.#create(member));
    if (chosen === undefined) return;
    this.#refusals.delete(chosen);
    this.#problems.delete(chosen);
    if (!exists(had) || had === chosen) members.bind(member, chosen);
    else if (isManaged(store.get<Peer>({ kind: "Peer", name: had }))) {
      members.bind(member, chosen);
      await this.#removeManaged(had);
    } else this.#aliases.set(chosen, member.node);
    wake(chosen);
  }

  look(name: string): PeerSight {
    const { store, isLinked } = this.#options;
    const member = this.memberOf(name);
    const problem = this.#problems.get(name)?.message;
    const peer = store.get<Peer>({ kind: "Peer", name });
    const failing = problem === undefined ? {} : { dialProblem: problem };
    if (nodeOfText(peer?.spec.identity) === this.#options.own) return { trust: this.#proved, silentMs: 0 };
    if (member === undefined) return { trust: this.#refusals.get(name) ?? unmetTrust(peer), ...failing };
    if (member.gone !== undefined) return { trust: { kind: "removed", how: member.gone }, ...sightOf(member) };
    const linked = isLinked(member.node);
    return {
      trust: linked ? this.#proved : this.#trustOf(name, member),
      silentMs: this.#silenceOf(member),
      ...sightOf(member, this.#options.mesh?.pathOf(member.node)),
      ...(linked ? {} : failing),
    };
  }

  #trustOf(peer: string, { admitted }: Member): PeerTrust {
    return this.#refusals.get(peer) ?? (admitted ? this.#proved : unmet);
  }

  /** A member of before this start is Suspect until it is heard, and Offline when that does not happen. */
  #silenceOf({ heardMs }: Member): number {
    const now = this.#options.clock.monotonicMs();
    return heardMs === undefined ? this.#options.silence.suspectMs + now - this.#startedMs : now - heardMs;
  }

  #targetOf(peer: Peer): DialTarget | undefined {
    const { name } = peer.metadata;
    const declared = isManaged(peer) ? undefined : parseEndpoint(peer.spec.address ?? "", defaultPeerPort);
    if (declared === undefined) return undefined;
    const member = this.memberOf(name);
    const expected = nodeOfText(peer.spec.identity) ?? member?.node;
    const places = member === undefined ? [] : this.placesOf(member.node, member.endpoints);
    const endpoints = [
      declared,
      ...places.filter(({ host, port }) => host !== declared.host || port !== declared.port),
    ];
    const known = expected === undefined ? {} : { expected };
    return { key: `peer/${name}`, endpoints, peer: name, declared, ...known };
  }

  #namingKey({ node }: Member): string | undefined {
    return this.list().find(({ spec }) => nodeOfText(spec.identity) === node)?.metadata.name;
  }

  /** The new object's name: the peer's own if it is free. */
  async #create(member: Member): Promise<string | undefined> {
    const { name, node, identity } = member;
    const { store, declared, members, log, isIntroduced, mesh } = this.#options;
    const isFree = store.get({ kind: "Peer", name }) === undefined && !this.#pending.has(name);
    const chosen = isFree ? name : `${name.slice(0, 57)}-${node.slice(0, 5)}`;
    const manifest: Manifest = {
      apiVersion: "homie.dev/v1",
      kind: "Peer",
      metadata: {
        name: chosen,
        annotations: { [managedByAnnotation]: mesh !== undefined || isIntroduced(node) ? "gossip" : "discovery" },
      },
      spec: { identity: identity.toString("base64"), ...mesh?.charterOf(node) },
    };
    this.#pending.add(chosen);
    // Before the object exists, so that its first status is not that of a stranger.
    member.peer = chosen;
    try {
      await declared.write(manifest, { mode: "create" });
      members.save(member);
      return chosen;
    } catch (error) {
      delete member.peer;
      log.error("a peer cannot be written down", { peer: chosen, error });
      return undefined;
    } finally {
      this.#pending.delete(chosen);
    }
  }

  /** Whoever left by itself is forgotten, with the file homie wrote for it. */
  async discard(member: Member): Promise<void> {
    const { store, members } = this.#options;
    const { peer } = member;
    members.forget(member);
    if (peer !== undefined && isManaged(store.get<Peer>({ kind: "Peer", name: peer }))) await this.#removeManaged(peer);
  }

  async #removeManaged(name: string): Promise<void> {
    try {
      await this.#options.declared.remove({ kind: "Peer", name });
    } catch (error) {
      if (error instanceof HomieError && error.code === "NotFound") return;
      this.#options.log.error("the file of a discovered peer cannot be removed", { peer: name, error });
    }
  }
}

type MemberSight = Omit<PeerSight, "trust" | "silentMs" | "dialProblem">;

function sightOf(member: Member, tunnel?: Member["path"]): MemberSight {
  const { node, name, path, rival, contradicts, left, newest, rttMs } = member;
  return withoutUndefined({
    ...{ node, name, path: tunnel ?? path, rival, contradicts, left },
    version: newest?.record.version,
    figures: newest === undefined ? undefined : figuresOf(newest.record, rttMs),
  }) as MemberSight;
}

const unmet: PeerTrust = { kind: "unmet" };

/** What a person typed may still prove itself; what a file merely claims is nothing yet. */
function unmetTrust(peer: Peer | undefined): PeerTrust {
  if (peer === undefined || (peer.spec.address !== undefined && !isManaged(peer))) return unmet;
  const message = "only a file says that it belongs to the crew; it has not proved the group secret here";
  return { kind: "refused", reason: "NotAdmitted", message };
}

function isManaged(peer: Peer | undefined): boolean {
  return peer?.metadata.annotations?.[managedByAnnotation] !== undefined;
}

/** Node id of what `spec.identity` may hold: a node id, or the raw key in base64. */
function nodeOfText(identity: string | undefined): string | undefined {
  if (identity === undefined || /^[a-z2-7]{25}$/.test(identity)) return identity;
  const key = Buffer.from(identity, "base64");
  return key.length === 32 ? nodeIdOf(key) : identity;
}
