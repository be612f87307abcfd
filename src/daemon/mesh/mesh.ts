import { createJoinFile, createNetworkFile } from "../../adapters/identity/network-file.ts";
import { loadIdentityRecord } from "../../adapters/identity/identity-file.ts";
import { isRetired, isSpent, spendIdentity } from "../../adapters/identity/spent-identity.ts";
import type { HomePaths } from "../../adapters/home.ts";
import { cidrClash, localNetworks, pickCidr } from "../../adapters/system/routes.ts";
import type { MeshCreation, MeshOperations, Revocation } from "../../api/ports.ts";
import type { NetworkPorts } from "../../controllers/network/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Network } from "../../resources/network.ts";
import type {
  Invite,
  InvitePreview,
  JoinPreview,
  JoinRequestReport,
  NetcheckReport,
  NetworkLogEntry,
  NetworkReport,
  PathExplanation,
} from "../../resources/network-report.ts";
import type { Peer } from "../../resources/peer.ts";
import type { MachineSize } from "../../scheduler/effective-limits.ts";
import type { DeclaredWriter } from "../../store/declared.ts";
import type { ObjectStore } from "../../store/types.ts";
import { untilGone } from "../../store/until-gone.ts";
import type { Crew } from "../crew.ts";
import type { CrewMesh } from "../crew-mesh.ts";
import { MeshBook } from "./mesh-book.ts";
import { findMember, hasLeft, networkLog, revokeMember, sayLeave } from "./mesh-exits.ts";
import { MeshInvites } from "./mesh-invites.ts";
import { MeshRelay } from "./mesh-relay.ts";
import { MeshSeat } from "./mesh-seat.ts";
import { MeshTunnel } from "./mesh-tunnel.ts";
import { reportNetwork } from "./mesh-report.ts";

export interface MeshOptions {
  readonly paths: HomePaths;
  readonly store: ObjectStore;
  readonly declared: Pick<DeclaredWriter, "write" | "remove">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** What this machine calls itself outside of a network. */
  readonly name: string;
  readonly machine: MachineSize;
  readonly gpus: () => number;
  /** Default TCP port of peers. */
  readonly workerPort: number;
  /** The owner lets the router map a port. */
  readonly portMapping: boolean;
  readonly crew: () => Crew | undefined;
  /** The Network controller has something to do. */
  readonly wake: (network: string) => void;
  /** This machine came into a network or left it: its crew is another. */
  readonly resettle: () => Promise<void>;
}

/** Others hear that this machine goes; then its links end. */
const farewellMs = 500;
/** An interface is up, or known to be impossible, in a tenth of it. */
const interfaceMs = 3_000;
/** An interface is gone in a tenth of it. */
const cleanUpMs = 10_000;
const lookMs = 25;

/** The native mesh of this machine: what people do with it, what its controller and its crew need of it. */
export class Mesh implements MeshOperations {
  readonly #options: MeshOptions;
  readonly #book: MeshBook;
  readonly #invites: MeshInvites;
  readonly #subscriptions: Disposable[] = [];
  readonly #tunnel: MeshTunnel;
  readonly #relay: MeshRelay;
  #seat: MeshSeat | undefined;
  #isLeaving = false;

  /** Throws HomieError StateUnusable for damaged files. */
  constructor(options: MeshOptions) {
    const { paths, clock, log, name, store } = options;
    this.#options = options;
    this.#book = new MeshBook({
      file: createNetworkFile(paths.network),
      identity: loadIdentityRecord(paths.identity),
      log,
    });
    this.#invites = new MeshInvites({
      book: this.#book,
      joinFile: createJoinFile(paths.join),
      now: () => clock.now(),
      isSpent: () => isSpent(paths.identity),
      name,
      placesOf: (node) => this.#seat?.placesOf(node) ?? { endpoints: [], links: [], isPublic: false },
    });
    const interfaceName = (): string => this.#seat?.network()?.spec.interface ?? "homie0";
    const { wireguardKey } = this.#book.identity;
    this.#tunnel = new MeshTunnel({ directory: paths.wireguard, wireguardKey, interfaceName, log });
    const hasInterface = (): Promise<boolean> => this.#tunnel.isOnRecord();
    this.#relay = new MeshRelay({ interfaceName, log, hasInterface, onChange: () => this.#seat?.paths.look() });
    this.#subscriptions.push(
      this.#book.onChange((change) => {
        // Whoever leaves still has its links for a moment, to say so.
        // Whoever is put out hears so over its link, before that ends.
        if (change === "members" && !this.#isLeaving) queueMicrotask(() => this.#seat?.membersChanged());
      }),
      store.watch("Peer", ({ name: peer }) => this.#readAdmission(peer)),
    );
    this.#sit();
  }

  /** What this machine is called in its network. */
  get ownName(): string | undefined {
    return this.#book.own?.name;
  }

  /** For the crew; undefined while this machine is in no network. */
  get crewMesh(): CrewMesh | undefined {
    return this.#seat?.crewMesh;
  }

  /** For the Network controller. */
  get ports(): NetworkPorts {
    return { sight: () => this.#seat?.sight(), tunnel: this.#tunnel, relay: this.#relay };
  }

  async create({ name, cidr, listenPort, endpoint }: MeshCreation): Promise<NetworkReport> {
    const networks = await localNetworks();
    const chosen = cidr ?? pickCidr(networks, this.#options.random);
    const clash = cidrClash(chosen, networks);
    if (clash !== undefined) {
      throw new HomieError("Conflict", `${chosen} clashes with ${clash}`, {
        hint: "choose another --cidr, or none: then a free one is taken",
      });
    }
    this.#invites.found({ name, cidr: chosen });
    await this.#declare({
      cidr: chosen,
      ...(listenPort === undefined ? {} : { listenPort }),
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    return await this.#entered();
  }

  request(options: { readonly name?: string; readonly renew?: boolean }): Promise<JoinRequestReport> {
    return settled(() => this.#invites.request(options));
  }

  preview(request: { readonly request: string; readonly name?: string }): Promise<InvitePreview> {
    return settled(() => this.#invites.preview(request));
  }

  async invite(request: { readonly request: string; readonly name?: string }): Promise<Invite> {
    const invite = await this.#invites.invite(request);
    this.#seat?.membersChanged();
    return invite;
  }

  inspect(request: { readonly bundle: string }): Promise<JoinPreview> {
    return this.#invites.inspect(request);
  }

  async join(request: { readonly bundle: string }): Promise<NetworkReport> {
    await this.#invites.join(request);
    await this.#declare({ cidr: this.#book.network?.cidr ?? "" });
    return await this.#entered();
  }

  report(): Promise<NetworkReport> {
    return settled(() => {
      const { store, machine, gpus, clock } = this.#options;
      const seat = this.#joined();
      return reportNetwork({
        ...{ book: this.#book, paths: seat.paths, store, machine, gpus: gpus(), now: clock.now() },
        peerOf: (node) => this.#peerOf(node),
        knownTo: (node) => seat.knownTo(node),
        network: seat.network(),
      });
    });
  }

  log(): Promise<readonly NetworkLogEntry[]> {
    return settled(() => {
      this.#joined();
      return networkLog(this.#book);
    });
  }

  revoke({ peer }: { readonly peer: string }): Promise<Revocation> {
    return settled(() => {
      this.#joined();
      return revokeMember(this.#book, peer);
    });
  }

  async leave(): Promise<void> {
    const { clock, log, paths } = this.#options;
    const { name } = this.#joined().names;
    this.#isLeaving = true;
    try {
      sayLeave(this.#book);
      this.#spendKeys();
      await clock.sleep(farewellMs, new AbortController().signal);
      const closing = this.#seat?.close();
      this.#seat = undefined;
      await this.#goOut(name);
      await this.#options.resettle();
      await closing;
    } finally {
      this.#isLeaving = false;
    }
    log.info("this machine has left its network", { network: name, identity: paths.identity });
    await this.#cleanedUp(name);
  }

  explain(peer: string): Promise<PathExplanation> {
    return settled(() => this.#joined().explain(findMember(this.#book, peer)));
  }

  netcheck(): Promise<NetcheckReport> {
    return settled(() => this.#joined().netcheck());
  }

  /** Tunnels that an earlier daemon left are known: before, its interface is not to be touched. A leave that was cut off is through. */
  async ready(): Promise<void> {
    try {
      await this.#finishLeaving();
    } catch (error) {
      this.#options.log.warn("cannot finish leaving the network; the next start of the daemon tries again", { error });
    }
    await this.#seat?.paths.ready;
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
    const closing = this.#seat?.close();
    this.#book.flush();
    await closing;
  }

  /** To be called when its controller has stopped. What cannot be removed is told in the log. */
  async takeDown(): Promise<void> {
    try {
      await this.#relay.remove();
      await this.#tunnel.remove();
    } catch (error) {
      this.#options.log.warn("the interface of the mesh stays", { error });
    }
  }

  #sit(): void {
    if (this.#book.network !== undefined && !this.#hasLeft())
      this.#seat = new MeshSeat({
        ...this.#options,
        ...{ book: this.#book, tunnel: this.#tunnel, relay: this.#relay },
        expected: () => this.#invites.expected(),
      });
  }

  async #entered(): Promise<NetworkReport> {
    this.#sit();
    await this.#options.resettle();
    this.#seat?.wake();
    await this.#interfaceTold();
    return await this.report();
  }

  /** Whether there is an interface is known soon, and people want to read that, not that it is not known yet. */
  async #interfaceTold(): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + interfaceMs;
    while (clock.monotonicMs() < untilMs && this.#seat?.interfaceState() === "unknown")
      await clock.sleep(lookMs, new AbortController().signal);
  }

  #joined(): MeshSeat {
    if (this.#seat !== undefined) return this.#seat;
    throw new HomieError("NotFound", "this machine is in no network", {
      hint: "homie network create NAME makes one, homie network join gets into that of a friend",
    });
  }

  /** The Network object of this membership; a file that is there already keeps what it says. */
  async #declare(spec: Network["spec"]): Promise<void> {
    const { store, declared } = this.#options;
    const name = this.#book.network?.name ?? "";
    const known = store.get<Network>({ kind: "Network", name });
    const manifest = { apiVersion: "homie.dev/v1", kind: "Network", metadata: { name } } as const;
    if (known === undefined) await declared.write({ ...manifest, spec }, { mode: "create" });
  }

  #hasLeft(): boolean {
    return hasLeft(this.#book, (node) => isRetired(this.#options.paths.identity, node));
  }

  /** The rest of a leave that was cut off, or that could not be carried out. */
  async #finishLeaving(): Promise<void> {
    const { network } = this.#book;
    if (network === undefined || !this.#hasLeft()) return;
    this.#spendKeys();
    await this.#goOut(network.name);
    this.#options.log.info("this machine has left its network, as it had begun to", { network: network.name });
  }

  /** Keys that no member takes any more. */
  #spendKeys(): void {
    if (this.#book.isOut(this.#book.node)) spendIdentity(this.#options.paths.identity);
  }

  /** The book goes last: a leave that is cut off is known by it. */
  async #goOut(name: string): Promise<void> {
    await this.#undeclare(name);
    this.#book.leave();
  }

  async #undeclare(name: string): Promise<void> {
    try {
      await this.#options.declared.remove({ kind: "Network", name });
    } catch (error) {
      if (!(error instanceof HomieError && error.code === "NotFound")) throw error;
    }
  }

  /** Throws HomieError MeshUnavailable when the interface is still there after a while. */
  async #cleanedUp(name: string): Promise<void> {
    const { store, clock } = this.#options;
    if (await untilGone(store, { kind: "Network", name }, { clock, forMs: cleanUpMs })) return;
    throw new HomieError("MeshUnavailable", `this machine has left ${name}, but its interface is not taken away yet`, {
      hint: `it is tried again; homie describe network ${name} tells what is in the way`,
    });
  }

  #peerOf(node: string): Peer | undefined {
    const { store, crew } = this.#options;
    const name = crew()
      ?.members()
      .find((member) => member.node === node)?.peer;
    const peer = name === undefined ? undefined : store.get<Peer>({ kind: "Peer", name });
    return peer === undefined ? undefined : ((crew()?.live(peer) ?? peer) as Peer);
  }

  /** A Peer file may bring the statement that admits it, as one does that came with a pull. Only its signatures count. */
  #readAdmission(name: string): void {
    const admission = this.#options.store.get<Peer>({ kind: "Peer", name })?.spec.admission;
    if (admission === undefined || this.#book.network === undefined) return;
    this.#book.add([Uint8Array.from(Buffer.from(admission, "base64url"))]);
  }
}

/** What throws becomes a rejection. */
async function settled<T>(work: () => T): Promise<T> {
  return await Promise.resolve().then(work);
}
