import type { IncomingMessage, ServerResponse } from "node:http";
import { listenForPeers, type PeerListener } from "../adapters/tls/listen.ts";
import { loadIdentityKey } from "../adapters/identity/identity-file.ts";
import { createPeerClient, type PeerClient } from "../adapters/peers/peer-client.ts";
import { createPinFiles } from "../adapters/identity/pins.ts";
import { LinkTable } from "../adapters/tls/link-table.ts";
import { TokenBucket, TokenBuckets } from "../adapters/tls/token-bucket.ts";
import { dial, type DialOptions } from "../adapters/tls/dial.ts";
import { formatEndpoint, type Endpoint } from "../adapters/tls/endpoint.ts";
import type { HomePaths } from "../adapters/home.ts";
import type { Config } from "../adapters/files/config.ts";
import { ownAddresses } from "../adapters/udp/interfaces.ts";
import { createPeerController } from "../controllers/peer/controller.ts";
import type { SilenceLimits } from "../controllers/peer/ports.ts";
import { drive } from "../reconciler/drive.ts";
import type { Engine } from "../reconciler/engine.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { Peer } from "../resources/peer.ts";
import type { Allocated } from "../scheduler/admission.ts";
import type { PeerFacts } from "../scheduler/peer-facts.ts";
import { factsOfPeer } from "./crew-facts.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import type { ObjectStore } from "../store/types.ts";
import { createCertificate } from "../trust/certificate.ts";
import { deriveGroupKeys, type GroupKeys } from "../trust/group-secret.ts";
import { nodeIdOf, publicKeyOf } from "../trust/identity.ts";
import { CrewBeacons } from "./crew-beacons.ts";
import { CrewGossip } from "./crew-gossip.ts";
import { CrewDialer, parseEndpoints, type DialTarget } from "./crew-dialer.ts";
import { CrewLinks } from "./crew-links.ts";
import { CrewMembers, figuresOf } from "./crew-members.ts";
import { CrewPeers, defaultPeerPort } from "./crew-peers.ts";
import { CrewSelf, type GpuSight } from "./crew-self.ts";
import { CrewHosts } from "./crew-host-list.ts";
import { Doorkeeper } from "./crew-doorkeeper.ts";
import { Refusals } from "./crew-refusals.ts";

export interface CrewOptions {
  readonly paths: HomePaths;
  readonly config: Config;
  readonly groupSecret: string;
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
}

/** Control messages a second of one peer, and how many may come at once. */
const rate = { perSecond: 20, burst: 40 };
const maxPeers = 1_024;
/** A small job is about fifteen requests. */
const requestRate = { perSecond: 300, burst: 600 };
const bucketsFor = ({ perSecond, burst }: typeof requestRate): TokenBuckets =>
  new TokenBuckets((nowMs) => new TokenBucket(perSecond, burst, nowMs), maxPeers);
const hostListMs = 30_000;
const listenRetryMs = 5_000;

/** Everything that runs while this machine is in a crew. */
export class CrewRuntime {
  readonly table: LinkTable;
  readonly members: CrewMembers;
  readonly refusals: Refusals;
  readonly #options: CrewOptions;
  readonly #identity: Buffer;
  readonly #silence: SilenceLimits;
  readonly #self: CrewSelf;
  readonly #peers: CrewPeers;
  readonly #links: CrewLinks;
  readonly #dialer: CrewDialer;
  readonly #gossip: CrewGossip;
  readonly #beacons: CrewBeacons;
  readonly #dialOptions: DialOptions;
  readonly #buckets: TokenBuckets;
  readonly #requests: TokenBuckets;
  readonly client: PeerClient;
  readonly keys: GroupKeys;
  readonly own: string;
  readonly #hosts: CrewHosts;
  readonly #doorkeeper: Doorkeeper;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #subscriptions: Disposable[] = [];
  #addresses = "";
  #listener: PeerListener | undefined;

  constructor(options: CrewOptions) {
    const { paths, config, clock, log, store, engine, signal } = options;
    const identityKey = loadIdentityKey(paths.identity);
    this.#options = options;
    this.#identity = publicKeyOf(identityKey, "ed25519");
    this.own = nodeIdOf(this.#identity);
    this.keys = deriveGroupKeys(options.groupSecret);
    const nowMs = (): number => clock.monotonicMs();
    const wake = (name: string): void => engine.enqueue({ kind: "Peer", name });
    const silence: SilenceLimits = {
      suspectMs: Math.min(5 * config.heartbeatIntervalSeconds, config.peerTimeoutSeconds) * 1_000,
      offlineMs: config.peerTimeoutSeconds * 1_000,
    };
    this.#silence = silence;
    const isLinked = (node: string): boolean => this.table.get(node) !== undefined;
    const isIntroduced = (node: string): boolean => this.#gossip.hasIntroduced(node);
    [this.#buckets, this.#requests] = [bucketsFor(rate), bucketsFor(requestRate)];
    this.refusals = new Refusals({ clock, log, events: store.events });
    this.members = new CrewMembers({ pins: createPinFiles(paths.pins), keys: this.keys, ownName: options.name });
    this.#self = this.#createSelf(identityKey);
    this.#peers = new CrewPeers({ ...options, members: this.members, silence, isLinked, isIntroduced, wake });
    this.#hosts = new CrewHosts(paths.peersFile, log);
    this.#doorkeeper = new Doorkeeper({ peers: this.#peers, members: this.members, refusals: this.refusals, log });
    this.#dialer = new CrewDialer({
      clock,
      signal,
      random: options.random,
      wanted: () => [...this.#peers.targets(), ...this.#hosts.targets()],
      isLinked,
      ownAddresses: () => new Set(ownAddresses().map(({ address }) => address)),
      dial: (endpoint, target) => this.#dial(endpoint, target),
    });
    this.table = new LinkTable({
      own: this.own,
      nowMs,
      onHint: (node, endpoints) => this.#dialer.hint(node, parseEndpoints(endpoints, defaultPeerPort)),
    });
    this.#links = new CrewLinks({
      ...{ table: this.table, members: this.members, peers: this.#peers, self: this.#self, clock, log, silence, wake },
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
      endpointsOf: (node) => parseEndpoints(this.members.get(node)?.endpoints ?? [], defaultPeerPort),
    });
    this.#dialOptions = { certificate, identity: this.#identity, keys: this.keys, signal };
    this.#beacons = this.#createBeacons();
    const controller = createPeerController({ look: (name) => this.#peers.look(name), silence });
    engine.register({ kind: "Peer", reconciler: drive(controller), workers: 2, resyncMs: 300_000 });
  }

  #createSelf(identityKey: string): CrewSelf {
    const { paths, name, version, limits, allocated, terms, gpus, clock } = this.#options;
    const port = (): number => this.#listener?.port ?? 0;
    const now = (): Date => clock.now();
    const { boot: bootPath, root } = paths;
    const lending = { limits, allocated, terms, gpus };
    return new CrewSelf({ node: this.own, name, version, identityKey, bootPath, root, ...lending, port, now });
  }

  #createGossip(): CrewGossip {
    const { own, table: transport, members } = this;
    const { clock, random, log } = this.#options;
    return new CrewGossip({ own, transport, clock, random, log, members, links: this.#links, self: this.#self });
  }

  #createBeacons(): CrewBeacons {
    const { config, log } = this.#options;
    return new CrewBeacons({
      port: config.discoveryPort,
      keys: this.keys,
      identity: this.#identity,
      self: this.#self,
      listenPort: () => this.#listener?.port ?? 0,
      log,
      onHint: (node, endpoint) => this.#dialer.hint(node, [endpoint]),
    });
  }

  start(): void {
    const { store, config } = this.#options;
    for (const orphan of this.#peers.orphans()) this.members.forget(orphan);
    this.#subscriptions.push(store.watch("Peer", ({ name }) => this.#objectChanged(name)));
    this.#addresses = JSON.stringify(ownAddresses());
    void this.#listen();
    void this.#beacons.start();
    void this.#hosts.read().then(() => this.#dialer.poke());
    this.#every(config.heartbeatIntervalSeconds * 1_000, () => this.#tick());
    this.#every(hostListMs, () => void this.#hosts.read().then(() => this.#dialer.poke()));
    this.#dialer.poke();
  }

  withFigures(peer: Peer): Peer {
    const member = this.#peers.memberOf(peer.metadata.name);
    if (member?.newest === undefined || peer.status === undefined) return peer;
    const { resources, jobs, rttMs } = figuresOf(member.newest.record, member.rttMs);
    const path =
      member.path === undefined ? {} : { path: { ...member.path, ...(rttMs === undefined ? {} : { rttMs }) } };
    return { ...peer, status: { ...peer.status, resources, jobs, ...path } };
  }

  /** What the machine behind a Peer object calls itself. */
  nameOfPeer(peer: string): string | undefined {
    return this.#peers.memberOf(peer)?.name;
  }

  /** Everybody who has a Peer object here, as the scheduler sees them. */
  facts(): readonly PeerFacts[] {
    return this.#peers
      .list()
      .map((peer) => {
        const { name } = peer.metadata;
        const record = this.#peers.memberOf(name)?.newest?.record;
        return factsOfPeer(peer, this.#peers.look(name), this.#silence, record);
      })
      .filter(({ node }) => node !== this.own);
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
    await this.#listener?.close();
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
    this.#links.cutMoved(new Set(current.map(({ address }) => address)));
    this.#beacons.send();
    for (const { key } of this.#peers.targets()) this.#dialer.retry(key);
  }

  /** A port that is taken does not stop the daemon: dialling works without it, and the port may become free. */
  async #listen(): Promise<void> {
    const { config, clock, log, signal } = this.#options;
    while (!signal.aborted) {
      try {
        this.#listener = await listenForPeers({
          ...this.#dialOptions,
          port: config.workerPort,
          log,
          nowMs: () => clock.monotonicMs(),
          isMember: (node) => this.members.isAdmitted(node),
          allow: (node) => this.#requests.take(node, clock.monotonicMs()),
          onRequest: this.#options.onRequest,
          onLink: (socket, head, peer) => {
            if (peer.node === this.own) socket.destroy();
            else void this.#links.open({ socket, head, peer });
          },
          onWrongSecret: (peer) => this.#doorkeeper.strangerKnocked(peer.node, peer.remoteAddress),
        });
        log.info("listening for peers", { port: this.#listener.port });
        return this.#beacons.send();
      } catch (error) {
        log.error("cannot listen for peers", {
          port: config.workerPort,
          error,
          hint: "another program has the port; set worker_port in config.yaml",
        });
        await clock.sleep(listenRetryMs, signal);
      }
    }
  }

  async #dial(endpoint: Endpoint, target: DialTarget): Promise<boolean> {
    const outcome = await dial(endpoint, target.expected, this.#dialOptions);
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
      this.members.forget(orphan);
      this.#dialer.forget(orphan.node);
      this.table.get(orphan.node)?.close("removed");
    }
    this.#dialer.poke();
  }
}
