import type { IncomingMessage, ServerResponse } from "node:http";
import { loadIdentityKey } from "../adapters/identity/identity-file.ts";
import { createPeerClient, type PeerClient } from "../adapters/peers/peer-client.ts";
import { createPinFiles } from "../adapters/identity/pins.ts";
import type { Carrier } from "../adapters/tls/carrier.ts";
import { LinkTable } from "../adapters/tls/link-table.ts";
import type { TokenBuckets } from "../adapters/tls/token-bucket.ts";
import { formatEndpoint, type Endpoint } from "../adapters/tls/endpoint.ts";
import type { HomePaths } from "../adapters/home.ts";
import type { Config } from "../adapters/files/config.ts";
import { ownAddresses } from "../adapters/udp/interfaces.ts";
import type { Engine } from "../reconciler/engine.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { Allocated } from "../scheduler/admission.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import type { ObjectStore } from "../store/types.ts";
import { createCertificate, type Certificate } from "../trust/certificate.ts";
import { deriveGroupKeys, type KeyRing } from "../trust/group-secret.ts";
import { nodeIdOf, publicKeyOf } from "../trust/identity.ts";
import type { SignedRecord } from "../trust/record.ts";
import { CrewBeacons } from "./crew-beacons.ts";
import { CrewGossip } from "./crew-gossip.ts";
import { CrewDialer, parseEndpoints, type DialTarget } from "./crew-dialer.ts";
import { CrewLinks } from "./crew-links.ts";
import type { CrewMesh } from "./crew-mesh.ts";
import { bucketsFor, CrewPort } from "./crew-port.ts";
import { CrewMembers, type Member } from "./crew-members.ts";
import { CrewPeers, defaultPeerPort } from "./crew-peers.ts";
import { CrewSelf, type GpuSight } from "./crew-self.ts";
import { CrewHosts } from "./crew-host-list.ts";
import { CrewView, silenceLimits } from "./crew-view.ts";
import { Doorkeeper } from "./crew-doorkeeper.ts";
import { Refusals } from "./crew-refusals.ts";

export interface CrewOptions {
  readonly paths: HomePaths;
  readonly config: Config;
  /** What its machines share; in a mesh the mesh has it. */
  readonly groupSecret: string | undefined;
  readonly mesh?: CrewMesh;
  readonly name: string;
  readonly version: string;
  readonly store: ObjectStore;
  readonly declared: Pick<DeclaredWriter, "write" | "remove">;
  readonly engine: Engine;
  readonly limits: () => EffectiveLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Held by attempts that are not finished. */
  readonly allocated: () => Allocated;
  /** On what terms this machine lends. */
  readonly terms: () => Readonly<Record<string, unknown>>;
  readonly gpus: GpuSight;
  /** A request of a member, `node` being its proved key. */
  readonly onRequest: (node: string, incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** A member can take more than it could, or is there again. */
  readonly onNews: (node: string) => void;
  /** It is no member any more: nothing of it goes on here. */
  readonly onExpelled: (node: string) => void;
}

/** Control messages a second of one peer, and how many may come at once. */
const rate = { perSecond: 20, burst: 40 };
const hostListMs = 30_000;

/** Everything that runs while this machine is in a crew. */
export class CrewRuntime {
  readonly table: LinkTable;
  readonly members: CrewMembers;
  readonly refusals: Refusals;
  readonly view: CrewView;
  readonly #options: CrewOptions;
  readonly #identity: Buffer;
  readonly #self: CrewSelf;
  readonly #peers: CrewPeers;
  readonly #links: CrewLinks;
  readonly #dialer: CrewDialer;
  readonly #gossip: CrewGossip;
  readonly #beacons: CrewBeacons;
  readonly #port: CrewPort;
  readonly #buckets: TokenBuckets;
  readonly client: PeerClient;
  readonly keys: KeyRing;
  readonly own: string;
  readonly #hosts: CrewHosts;
  readonly #doorkeeper: Doorkeeper;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #subscriptions: Disposable[] = [];
  #addresses = "";

  constructor(options: CrewOptions) {
    const { paths, clock, log, store, engine, signal, mesh } = options;
    const identityKey = loadIdentityKey(paths.identity);
    this.#options = options;
    this.#identity = publicKeyOf(identityKey, "ed25519");
    this.own = nodeIdOf(this.#identity);
    this.keys = mesh?.ring ?? deriveGroupKeys(options.groupSecret ?? "");
    const nowMs = (): number => clock.monotonicMs();
    const wake = (name: string): void => engine.enqueue({ kind: "Peer", name });
    const silence = silenceLimits(options.config);
    const isLinked = (node: string): boolean => this.table.get(node) !== undefined;
    const isIntroduced = (node: string): boolean => this.#gossip.hasIntroduced(node);
    this.#buckets = bucketsFor(rate);
    this.refusals = new Refusals({ clock, log, events: store.events });
    const roster = mesh === undefined ? {} : { roster: mesh.roster };
    const ownName = options.name;
    this.members = new CrewMembers({ pins: createPinFiles(paths.pins), keys: this.keys, ownName, ...roster });
    this.#self = this.#createSelf(identityKey);
    const { own, members } = this;
    this.#peers = new CrewPeers({ ...options, own, members, silence, isLinked, isIntroduced, wake });
    this.view = new CrewView(this.#peers, silence, own);
    this.#hosts = new CrewHosts(paths.peersFile, log);
    this.#doorkeeper = new Doorkeeper({ peers: this.#peers, members: this.members, refusals: this.refusals, log });
    this.#dialer = new CrewDialer({
      clock,
      signal,
      random: options.random,
      wanted: () => [...this.#peers.targets(), ...this.#hosts.targets()],
      isLinked,
      isBarred: (node) => this.members.isBarred(node),
      ownAddresses: () => new Set(ownAddresses().map(({ address }) => address)),
      dial: (endpoint, target) => this.#dial(endpoint, target),
    });
    this.table = new LinkTable({
      own: this.own,
      nowMs,
      onHint: (node, endpoints) => this.#dialer.hint(node, parseEndpoints(endpoints, defaultPeerPort)),
    });
    this.#links = new CrewLinks({
      ...{ table: this.table, members, peers: this.#peers, self: this.#self, clock, log, silence, wake },
      ...(mesh === undefined ? {} : { mesh }),
      allow: (node) => this.#buckets.take(node, nowMs()),
      onNews: options.onNews,
      onBeat: (record) => this.#gossip.offer(record),
      onLinked: (node, target) => this.#linked(node, target),
      onLost: (node) => this.#lost(node),
    });
    this.#gossip = this.#createGossip();
    const certificate = createCertificate(identityKey);
    this.client = createPeerClient({
      certificate,
      signal,
      endpointsOf: (node) => this.#endpointsOf(node),
    });
    this.#port = this.#createPort(certificate);
    this.#beacons = this.#createBeacons(identityKey);
  }

  /** Who is no member can be asked nothing. */
  #endpointsOf(node: string): readonly Endpoint[] {
    const member = this.members.get(node);
    return member?.admitted === true ? this.#peers.placesOf(node, member.endpoints) : [];
  }

  #createPort(certificate: Certificate): CrewPort {
    const { config, clock, log, signal, mesh, onRequest } = this.#options;
    const isChartered = (node: string): boolean => this.members.isAdmitted(node);
    const charter = mesh === undefined ? {} : { isChartered };
    const onCarrier = mesh?.carrier;
    return new CrewPort({
      ...{ port: config.workerPort, clock, log, signal, onRequest },
      dialling: { certificate, identity: this.#identity, keys: this.keys, signal, ...charter },
      ...(onCarrier === undefined ? {} : { onCarrier }),
      isMember: (node) => this.members.isAdmitted(node),
      isBarred: (node) => this.members.isBarred(node),
      onLink: (socket, head, peer) => {
        if (peer.node === this.own) socket.destroy();
        else void this.#links.open({ socket, head, peer });
      },
      onWrongSecret: (node, address) => this.#doorkeeper.strangerKnocked(node, address),
      onListening: () => this.#beacons.send(),
    });
  }

  #createSelf(identityKey: string): CrewSelf {
    const { paths, name, version, limits, allocated, terms, gpus, clock, mesh } = this.#options;
    const port = (): number => this.#port.number;
    const tunnel = mesh === undefined ? {} : { tunnel: () => mesh.tunnel() };
    const now = (): Date => clock.now();
    const { boot: bootPath, root } = paths;
    const lending = { limits, allocated, terms, gpus };
    return new CrewSelf({
      ...{ node: this.own, name, version, identityKey, bootPath, root, port, now },
      ...lending,
      ...tunnel,
    });
  }

  #createGossip(): CrewGossip {
    const { own, table: transport, members } = this;
    const { clock, random, log, mesh } = this.#options;
    const onHeard = mesh === undefined ? {} : { onHeard: (signed: SignedRecord) => mesh.heard(signed) };
    const ports = { own, transport, members, links: this.#links, self: this.#self };
    return new CrewGossip({ ...ports, clock, random, log, ...onHeard });
  }

  #createBeacons(identityKey: string): CrewBeacons {
    const { config, log } = this.#options;
    return new CrewBeacons({
      port: config.discoveryPort,
      keys: this.keys,
      identityKey,
      self: this.#self,
      listenPort: () => this.#port.number,
      log,
      onHint: (node, endpoint) => this.#dialer.hint(node, [endpoint]),
    });
  }

  start(): void {
    const { store, config } = this.#options;
    for (const orphan of this.#peers.orphans()) this.members.forget(orphan);
    this.consult();
    this.#subscriptions.push(store.watch("Peer", ({ name }) => this.#objectChanged(name)));
    this.#addresses = JSON.stringify(ownAddresses());
    void this.#port.open();
    void this.#beacons.start();
    void this.#hosts.read().then(() => this.#dialer.poke());
    this.#every(config.heartbeatIntervalSeconds * 1_000, () => this.#tick());
    this.#every(hostListMs, () => void this.#hosts.read().then(() => this.#dialer.poke()));
    this.#dialer.poke();
  }

  /** The roster says something new: who is out loses every connection now, who is in gets a Peer object and is dialled. */
  consult(): void {
    for (const member of this.members.consult()) this.#expel(member);
    for (const member of this.members.all())
      if (member.admitted && member.peer === undefined) void this.#peers.bind(member, undefined);
    this.#gossip.relinked();
    this.#dialer.poke();
  }

  #expel(member: Member): void {
    const { node, peer, gone } = member;
    this.#options.log.warn("a member is out", { node, peer, how: gone });
    this.table.get(node)?.close(gone === "Left" ? "leaving" : "revoked");
    this.#port.drop(node);
    this.client.drop(node);
    this.#dialer.forget(node);
    this.#options.onExpelled(node);
    if (gone === "Left") void this.#peers.discard(member);
    else if (peer !== undefined) this.#options.engine.enqueue({ kind: "Peer", name: peer });
  }

  /** Dials the same member again, through the tunnel: its answer takes the place of the link there is. */
  async redial(node: string, endpoint: Endpoint): Promise<boolean> {
    return await this.#dial(endpoint, { key: `node/${node}`, endpoints: [endpoint], expected: node });
  }

  openCarrier(endpoint: Endpoint, node: string): Promise<Carrier> {
    return this.#port.openCarrier(endpoint, node);
  }

  /** Tells the others at once how much this machine has left, instead of with the next heartbeat. */
  announce(): void {
    this.#links.beat();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
    this.#dialer.stop();
    this.#gossip.close();
    for (const link of this.table.all()) link.close("leaving");
    await this.#beacons.close();
    await this.#port.close();
    this.client.close();
  }

  #every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms).unref());
  }

  #tick(): void {
    this.#links.beat();
    void this.#options.gpus.refresh();
    const current = ownAddresses();
    const addresses = JSON.stringify(current);
    if (addresses === this.#addresses) return;
    this.#addresses = addresses;
    this.#options.mesh?.moved();
    this.#links.cutMoved(new Set(current.map(({ address }) => address)));
    this.#beacons.send();
    for (const { key } of this.#peers.targets()) this.#dialer.retry(key);
  }

  async #dial(endpoint: Endpoint, target: DialTarget): Promise<boolean> {
    const outcome = await this.#port.dial(endpoint, target.expected);
    if (!outcome.ok) {
      this.#hosts.failed(target);
      this.#doorkeeper.dialFailed(endpoint, target, outcome);
      return false;
    }
    if (outcome.peer.node !== this.own) return await this.#links.open({ ...outcome, target });
    outcome.socket.destroy();
    if (target.peer !== undefined)
      this.#peers.dialFailed(target.peer, "Self", `${formatEndpoint(endpoint)} is this machine itself`);
    return false;
  }

  #linked(node: string, target: DialTarget | undefined): void {
    if (target !== undefined) this.#hosts.linked(target, node);
    const member = this.members.get(node);
    this.#dialer.succeeded([`node/${node}`, ...(member?.peer === undefined ? [] : [`peer/${member.peer}`])]);
    this.#gossip.relinked();
  }

  #lost(node: string): void {
    const peer = this.members.get(node)?.peer;
    this.#dialer.succeeded([`node/${node}`, ...(peer === undefined ? [] : [`peer/${peer}`])]);
    this.#gossip.relinked();
    this.#dialer.poke();
  }

  #objectChanged(name: string): void {
    this.#peers.changed(name);
    for (const orphan of this.#peers.orphans()) {
      // A file that is gone puts nobody out of a network: it is written again.
      if (this.#options.mesh !== undefined && orphan.admitted) {
        delete orphan.peer;
        void this.#peers.bind(orphan, undefined);
        continue;
      }
      this.members.forget(orphan);
      this.#dialer.forget(orphan.node);
      this.table.get(orphan.node)?.close("removed");
    }
    this.#dialer.poke();
  }
}
