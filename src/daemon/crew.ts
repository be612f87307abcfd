import type { PeerListener } from "../adapters/tls/listen.ts";
import { listenForPeers } from "../adapters/tls/listen.ts";
import { loadIdentityKey } from "../adapters/identity/identity-file.ts";
import { createPinFiles } from "../adapters/identity/pins.ts";
import { LinkTable } from "../adapters/tls/link-table.ts";
import { TokenBucket, TokenBuckets } from "../adapters/tls/token-bucket.ts";
import { dial, secretDiffers, type DialOptions, type DialOutcome } from "../adapters/tls/dial.ts";
import { formatEndpoint, plainAddress, type Endpoint } from "../adapters/tls/endpoint.ts";
import type { HomePaths } from "../adapters/home.ts";
import type { Config } from "../adapters/files/config.ts";
import { ownAddresses } from "../adapters/udp/interfaces.ts";
import { createPeerController } from "../controllers/peer/controller.ts";
import type { SilenceLimits } from "../controllers/peer/ports.ts";
import type { GossipTransport } from "../gossip/ports.ts";
import { drive } from "../reconciler/drive.ts";
import type { Engine } from "../reconciler/engine.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { Peer } from "../resources/peer.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import type { ObjectStore } from "../store/types.ts";
import { createCertificate } from "../trust/certificate.ts";
import { deriveGroupKeys, type GroupKeys } from "../trust/group-secret.ts";
import { nodeIdOf, publicKeyOf } from "../trust/identity.ts";
import { CrewBeacons } from "./crew-beacons.ts";
import { CrewDialer, type DialTarget } from "./crew-dialer.ts";
import { CrewLinks } from "./crew-links.ts";
import { CrewMembers, figuresOf, type Member } from "./crew-members.ts";
import { CrewPeers } from "./crew-peers.ts";
import { CrewSelf } from "./crew-self.ts";
import { readHostList } from "./crew-host-list.ts";
import { Refusals } from "./crew-refusals.ts";
import { Ledger } from "./ledger.ts";

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
}

/** The other machines as this one sees them. */
export interface Crew {
  /** Links to admitted peers, for gossip. */
  readonly transport: GossipTransport;
  /** Everybody that was ever admitted, with the newest record of each. */
  readonly members: () => readonly Member[];
  /** A Peer with the figures of this moment, for readers. */
  readonly withFigures: (peer: Peer) => Peer;
  /** Who was turned away lately, in words. */
  readonly warnings: () => readonly string[];
  stop(): Promise<void>;
}

/** Control messages a second of one peer, and how many may come at once. */
const rate = { perSecond: 20, burst: 40, peers: 1_024 };
const hostListMs = 30_000;
const listenRetryMs = 5_000;

/** Joins this machine to those that know the same group secret. To be called before the engine starts. */
export function createCrew(options: CrewOptions): Crew {
  const runtime = new CrewRuntime(options);
  runtime.start();
  return {
    transport: runtime.table,
    members: () => runtime.members.all(),
    withFigures: (peer) => runtime.withFigures(peer),
    warnings: () => runtime.refusals.recent(),
    stop: () => runtime.stop(),
  };
}

class CrewRuntime {
  readonly table: LinkTable;
  readonly members: CrewMembers;
  readonly refusals: Refusals;
  readonly #options: CrewOptions;
  readonly #keys: GroupKeys;
  readonly #identity: Buffer;
  readonly #own: string;
  readonly #self: CrewSelf;
  readonly #peers: CrewPeers;
  readonly #links: CrewLinks;
  readonly #dialer: CrewDialer;
  readonly #beacons: CrewBeacons;
  readonly #dialOptions: DialOptions;
  readonly #buckets: TokenBuckets;
  readonly #ledger: Ledger;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #subscriptions: Disposable[] = [];
  readonly #hostNodes = new Map<string, string>();
  #hosts: readonly DialTarget[] = [];
  #addresses = "";
  #listener: PeerListener | undefined;

  constructor(options: CrewOptions) {
    const { paths, config, clock, log, store, engine, signal } = options;
    const identityKey = loadIdentityKey(paths.identity);
    this.#options = options;
    this.#identity = publicKeyOf(identityKey, "ed25519");
    this.#own = nodeIdOf(this.#identity);
    this.#keys = deriveGroupKeys(options.groupSecret);
    const nowMs = (): number => clock.monotonicMs();
    const wake = (name: string): void => engine.enqueue({ kind: "Peer", name });
    const silence: SilenceLimits = {
      suspectMs: Math.min(5 * config.heartbeatIntervalSeconds, config.peerTimeoutSeconds) * 1_000,
      offlineMs: config.peerTimeoutSeconds * 1_000,
    };
    const isLinked = (node: string): boolean => this.table.get(node) !== undefined;
    this.#buckets = new TokenBuckets((now) => new TokenBucket(rate.perSecond, rate.burst, now), rate.peers);
    this.#ledger = new Ledger(store, () => {});
    this.refusals = new Refusals({ clock, log, events: store.events });
    this.members = new CrewMembers({ pins: createPinFiles(paths.pins), keys: this.#keys, ownName: options.name });
    this.#self = new CrewSelf({
      node: this.#own,
      name: options.name,
      version: options.version,
      identityKey,
      bootPath: paths.boot,
      root: paths.root,
      limits: options.limits,
      allocated: () => this.#ledger.allocated(),
      port: () => this.#listener?.port ?? 0,
    });
    this.#peers = new CrewPeers({ ...options, members: this.members, silence, isLinked, wake });
    this.#dialer = new CrewDialer({
      clock,
      signal,
      random: options.random,
      wanted: () => [...this.#peers.targets(), ...this.#hosts.map((target) => this.#withHostNode(target))],
      isLinked,
      ownAddresses: () => addressSet(),
      dial: (endpoint, target) => this.#dial(endpoint, target),
    });
    this.table = new LinkTable({
      own: this.#own,
      nowMs,
      onHint: (node, endpoints) => this.#dialer.hint(node, endpoints.flatMap(numericEndpoint)),
    });
    this.#links = new CrewLinks({
      ...{ table: this.table, members: this.members, peers: this.#peers, self: this.#self, clock, log, silence, wake },
      allow: (node) => this.#buckets.take(node, nowMs()),
      onLinked: (node, target) => this.#linked(node, target),
      onLost: (node) => this.#lost(node),
    });
    const certificate = createCertificate(identityKey);
    this.#dialOptions = { certificate, identity: this.#identity, keys: this.#keys, signal };
    this.#beacons = new CrewBeacons({
      port: config.discoveryPort,
      key: this.#keys.beacon,
      identity: this.#identity,
      self: this.#self,
      listenPort: () => this.#listener?.port ?? 0,
      log,
      onHint: (node, endpoint) => this.#dialer.hint(node, [endpoint]),
    });
    const controller = createPeerController({ look: (name) => this.#peers.look(name), silence });
    engine.register({ kind: "Peer", reconciler: drive(controller), workers: 2, resyncMs: 300_000 });
  }

  start(): void {
    const { store, config, clock } = this.#options;
    for (const orphan of this.#peers.orphans()) this.members.forget(orphan);
    this.#subscriptions.push(store.watch("Peer", ({ name }) => this.#objectChanged(name)));
    this.#addresses = addressText();
    void this.#listen();
    void this.#beacons.start();
    void this.#self.refreshGpus(clock.monotonicMs());
    void this.#readHosts();
    this.#every(config.heartbeatIntervalSeconds * 1_000, () => this.#tick());
    this.#every(hostListMs, () => void this.#readHosts());
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

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
    this.#dialer.stop();
    for (const link of this.table.all()) link.close("leaving");
    await this.#beacons.close();
    await this.#listener?.close();
    this.#ledger.close();
  }

  #every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms).unref());
  }

  #tick(): void {
    this.#links.beat();
    void this.#self.refreshGpus(this.#options.clock.monotonicMs());
    const addresses = addressText();
    if (addresses === this.#addresses) return;
    this.#addresses = addresses;
    this.#links.cutMoved(addressSet());
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
          allow: (node) => this.#buckets.take(node, clock.monotonicMs()),
          onLink: (socket, head, peer) => {
            if (peer.node === this.#own) socket.destroy();
            else void this.#links.open({ socket, head, peer });
          },
          onWrongSecret: (peer) => this.#strangerKnocked(peer.node, peer.remoteAddress),
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
      this.#dialFailed(endpoint, target, outcome);
      return false;
    }
    if (outcome.peer.node !== this.#own) return await this.#links.open({ ...outcome, target });
    outcome.socket.destroy();
    if (target.peer !== undefined)
      this.#peers.dialFailed(target.peer, "Self", `${formatEndpoint(endpoint)} is this machine itself`);
    return false;
  }

  #dialFailed(endpoint: Endpoint, target: DialTarget, outcome: Extract<DialOutcome, { ok: false }>): void {
    const { failure, message } = outcome;
    this.#options.log.debug("a dial failed", { target: target.key, failure, message });
    if (failure === "SecretDiffers") this.refusals.report(target.peer, failure, message);
    if (target.key.startsWith("host/")) this.#hostNodes.delete(target.key);
    const isDeclared = target.declared !== undefined && formatEndpoint(target.declared) === formatEndpoint(endpoint);
    if (target.peer === undefined || !isDeclared) return;
    this.#peers.dialFailed(target.peer, failure, message);
    if (failure !== "SecretDiffers" && failure !== "OtherIdentity") return;
    const hint = failure === "OtherIdentity" ? "; if it really got a new key, remove this peer and add it again" : "";
    this.#peers.refuse(target.peer, { kind: "refused", reason: failure, message: message + hint });
  }

  /** Whoever it was knows another secret; the Peer we expect at that address, if any, shows why it does not come. */
  #strangerKnocked(node: string, address: string): void {
    const message = secretDiffers(address);
    const pinned = this.members.get(node);
    if (pinned !== undefined) pinned.admitted = false;
    const expected = this.#peers
      .targets()
      .filter(({ declared }) => declared !== undefined && plainAddress(declared.host) === address)
      .flatMap(({ peer }) => peer ?? []);
    const names = new Set([...expected, ...(pinned?.peer === undefined ? [] : [pinned.peer])]);
    for (const name of names) {
      const member = this.#peers.memberOf(name);
      const isThem = member === undefined || member.node === node;
      if (isThem) this.#peers.refuse(name, { kind: "refused", reason: "SecretDiffers", message });
    }
    this.refusals.report([...names][0], "SecretDiffers", message);
  }

  #linked(node: string, target: DialTarget | undefined): void {
    if (target?.key.startsWith("host/") === true) this.#hostNodes.set(target.key, node);
    const member = this.members.get(node);
    this.#dialer.succeeded([`node/${node}`, ...(member?.peer === undefined ? [] : [`peer/${member.peer}`])]);
    this.#options.log.info("linked", { peer: member?.name, node, dialled: target !== undefined });
  }

  #lost(node: string): void {
    const peer = this.members.get(node)?.peer;
    this.#dialer.succeeded([`node/${node}`, ...(peer === undefined ? [] : [`peer/${peer}`])]);
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

  async #readHosts(): Promise<void> {
    this.#hosts = await readHostList(this.#options.paths.peersFile, this.#options.log);
    this.#dialer.poke();
  }

  #withHostNode(target: DialTarget): DialTarget {
    const expected = this.#hostNodes.get(target.key);
    return expected === undefined ? target : { ...target, expected };
  }
}

function addressText(): string {
  return JSON.stringify(ownAddresses());
}

function addressSet(): ReadonlySet<string> {
  return new Set(ownAddresses().map(({ address }) => address));
}

/** What others tell of counts only as IP:PORT in full. */
function numericEndpoint(text: string): readonly Endpoint[] {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? [] : [{ host, port: Number(port) }];
}
