import { isIP } from "node:net";
import { formatEndpoint, parseEndpoint, type Endpoint } from "../../adapters/tls/endpoint.ts";
import { ownAddresses, reachableAddresses, type OwnAddress } from "../../adapters/udp/interfaces.ts";
import type { MeshMemberSight, MeshSight } from "../../controllers/network/ports.ts";
import type { OwnSight } from "../../paths/state.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Network } from "../../resources/network.ts";
import type { NetcheckReport, PathExplanation } from "../../resources/network-report.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import type { ObjectStore } from "../../store/types.ts";
import type { BundlePeer } from "../../trust/membership/bundle-fields.ts";
import type { Member } from "../../trust/membership/judge-membership.ts";
import { meshAddressV6 } from "../../trust/membership/mesh-addresses.ts";
import type { Crew } from "../crew.ts";
import type { CrewMesh } from "../crew-mesh.ts";
import type { MeshBook } from "./mesh-book.ts";
import { hintsIn, nodeOf } from "./mesh-bootstrap.ts";
import { MeshCarriers } from "./mesh-carriers.ts";
import { MeshDials } from "./mesh-dials.ts";
import { MeshExchange } from "./mesh-exchange.ts";
import type { MemberPlaces } from "./mesh-invites.ts";
import { MeshPaths, wgKey } from "./mesh-paths.ts";
import { reportNetcheck } from "./mesh-netcheck.ts";
import type { MeshRelay } from "./mesh-relay.ts";
import { inviterOf } from "./mesh-report.ts";
import type { MeshTunnel } from "./mesh-tunnel.ts";
import { MeshSurroundings } from "./mesh-surroundings.ts";

export interface MeshSeatOptions {
  readonly book: MeshBook;
  /** Whoever is invited and has not come yet. */
  readonly expected: () => readonly Member[];
  readonly tunnel: MeshTunnel;
  readonly relay: MeshRelay;
  readonly portMapping: boolean;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly workerPort: number;
  readonly crew: () => Crew | undefined;
  readonly wake: (network: string) => void;
}

const defaultListenPort = 51_820;
const lookMs = 500;

/** Everything that runs while this machine is in a network. */
export class MeshSeat {
  readonly paths: MeshPaths;
  readonly crewMesh: CrewMesh;
  readonly names: { readonly id: string; readonly name: string; readonly cidr: string };
  readonly #options: MeshSeatOptions;
  readonly #exchange: MeshExchange;
  readonly #carriers: MeshCarriers;
  readonly #surroundings: MeshSurroundings;
  readonly #dials: MeshDials;
  readonly #timer: NodeJS.Timeout;
  #places: string;

  constructor(options: MeshSeatOptions) {
    const { book, clock, random, log, crew, tunnel } = options;
    this.#options = options;
    this.names = book.network ?? { id: "", name: "", cidr: "" };
    const links = (): ReturnType<Crew["transport"]["all"]> => crew()?.transport.all() ?? [];
    this.#exchange = new MeshExchange({ book, clock, random, log, links });
    this.#surroundings = new MeshSurroundings({
      ...{ clock, log, isWanted: options.portMapping },
      port: () => this.network()?.spec.listenPort ?? defaultListenPort,
      addresses: () => this.#realAddresses().map(({ address }) => address),
      isNamed: () => this.network()?.spec.endpoint !== undefined,
      onChange: () => this.paths?.look(),
    });
    this.#carriers = new MeshCarriers({
      ...{ clock, log, crew },
      port: () => this.network()?.spec.listenPort ?? defaultListenPort,
      paths: () => this.paths,
      onChange: () => this.paths.look(),
    });
    this.paths = new MeshPaths({
      ...{ book, clock, random, log },
      own: () => this.#own(),
      links: () => crew()?.transport,
      rttOf: (node) => this.#memberOf(node)?.rttMs,
      hintsOf: (node) => hintsIn(this.#bootstrap().find((each) => nodeOf(each) === node)),
      observe: () => tunnel.observe(),
      renew: (key, when) => tunnel.renew(key, when),
      carriedAt: (node) => this.#carriers.placeOf(node),
      onTunnels: () => this.wake(),
      onFacts: () => crew()?.announce(),
    });
    this.#dials = new MeshDials({
      ...{ book, clock, crew },
      inside: (node) => this.#throughTunnel(node),
      sinceMs: (node) => this.paths.view(node).sinceMs,
    });
    this.crewMesh = this.#createCrewMesh();
    this.#places = JSON.stringify(this.#realAddresses());
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
  }

  network(): Network | undefined {
    return this.#options.store.get<Network>({ kind: "Network", name: this.names.name });
  }

  sight(): MeshSight {
    const { book, expected } = this.#options;
    const { own } = book;
    const others = [...book.membership.members.filter(({ node }) => node !== book.node), ...expected()];
    return {
      ...{ network: this.names.id, name: this.names.name, cidr: this.names.cidr },
      own: own === undefined ? "removed" : this.#sightOf(own),
      others: own === undefined ? [] : others.map((member) => this.#sightOf(member)),
      tunnels: this.paths.tunnels,
    };
  }

  /** As its controller has last told. */
  interfaceState(): "unknown" | "told" {
    const condition = this.network()?.status?.conditions?.find(({ type }) => type === "InterfaceReady");
    return condition === undefined || condition.status === "Unknown" ? "unknown" : "told";
  }

  /** The Network controller looks again. */
  wake(): void {
    this.#options.wake(this.names.name);
  }

  membersChanged(): void {
    this.#options.crew()?.consult();
    this.#options.crew()?.announce();
    this.paths.look();
    this.wake();
  }

  placesOf(node: string): MemberPlaces {
    const { book } = this.#options;
    const isOwn = node === book.node;
    const record = isOwn ? undefined : this.paths.recordOf(node);
    const facts = isOwn ? this.paths.facts : record?.tunnel;
    const places = facts?.places ?? [];
    const links = isOwn ? this.#ownLinks() : (record?.endpoints ?? []);
    const hosts = places.filter(({ kind }) => kind === "public" || kind === "mapped");
    return { endpoints: places.map(({ endpoint }) => endpoint), links, isPublic: hosts.length > 0 };
  }

  /** Names of members, without `node` itself, that have the statements that this machine has. */
  knownTo(node: string): readonly string[] {
    const { book } = this.#options;
    const others = book.membership.members.filter((each) => each.node !== node && each.node !== book.node);
    const { digest } = this.#exchange;
    return others.flatMap((each) => (this.paths.recordOf(each.node)?.tunnel?.knows === digest ? [each.name] : []));
  }

  explain({ node }: Member): PathExplanation {
    const { book } = this.#options;
    return this.paths.explain(node, (each) => book.memberOf(each)?.name ?? each);
  }

  netcheck(): NetcheckReport {
    const { relay, book } = this.#options;
    const { mapped: endpoint, mapping } = this.#surroundings.seen;
    const { listenPort = defaultListenPort, mtu = 1_280 } = this.network()?.spec ?? {};
    const nameOf = (node: string): string => book.memberOf(node)?.name ?? node;
    return reportNetcheck({
      ...{ nat: this.paths.facts.nat, relay: relay.outcome, mtu, port: listenPort },
      seen: [...this.paths.seenBy].map(([node, seen]) => ({ endpoint: seen, by: nameOf(node) })),
      localAddresses: this.#realAddresses().map(({ address }) => address),
      portMapping: { ...mapping, ...(endpoint === undefined ? {} : { endpoint }) },
      relays: this.paths.relays.map((node) => {
        const rttMs = this.#memberOf(node)?.rttMs;
        return { name: nameOf(node), ...(rttMs === undefined ? {} : { rttMs }) };
      }),
      up: this.paths.dump !== undefined,
      others: book.membership.members.length - 1,
    });
  }

  /** A router is given its port back before this ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.paths.close();
    this.#carriers.close();
    this.#exchange.close();
    await this.#surroundings.close();
  }

  #createCrewMesh(): CrewMesh {
    const { book } = this.#options;
    const exchange = this.#exchange;
    return {
      roster: {
        members: () =>
          book.membership.members
            .filter(({ node }) => node !== book.node && book.own !== undefined)
            .map(({ node, identity, name }) => ({ node, name, identity: Buffer.from(identity, "base64url") })),
        gone: (node) => book.membership.removed.find((each) => each.node === node)?.how,
      },
      ring: book.ring,
      name: book.own?.name ?? "",
      charterOf: (node) => this.#charterOf(node),
      greet: (link) => exchange.greet(link),
      linked: (link) => {
        exchange.linked(link);
        this.paths.look();
      },
      lost: () => this.paths.look(),
      membership: (link, word, isAdmitted) => exchange.take(link, word, isAdmitted),
      path: (link, message) => this.paths.receive(link, message),
      carrier: (socket, head, node) => void this.#carriers.accept(node, socket, head),
      heard: (signed) => this.paths.heard(signed),
      moved: () => this.#moved(),
      tunnel: () => ({ ...this.paths.facts, knows: this.#exchange.digest }),
      throughTunnel: (node) => this.#throughTunnel(node),
      otherPlaces: (node) => this.#otherPlaces(node),
      strangers: () => this.#strangers(),
      pathOf: (node) => this.#pathOf(node),
    };
  }

  #look(): void {
    this.#dials.look();
    this.#carriers.look();
    this.#surroundings.look();
  }

  /** Its own tunnel that comes up or goes is no other place. */
  #moved(): void {
    const { tunnel, log } = this.#options;
    const places = JSON.stringify(this.#realAddresses());
    if (places === this.#places) return;
    this.#places = places;
    tunnel.rebind().catch((error: unknown) => log.debug("the tunnel cannot be bound again", { error }));
    this.#surroundings.moved();
    this.#carriers.moved();
    this.paths.moved();
  }

  #memberOf(node: string): ReturnType<Crew["members"]>[number] | undefined {
    return this.#options.crew()?.memberOf(node);
  }

  #charterOf(node: string): ReturnType<CrewMesh["charterOf"]> {
    const { book } = this.#options;
    const member = book.memberOf(node);
    if (member === undefined) return {};
    const invitedBy = inviterOf(member, book);
    const admit = book.proofOf(node).at(-1);
    return {
      wireguardKey: wgKey(member.wireguardKey),
      ...(invitedBy === undefined ? {} : { invitedBy }),
      ...(admit === undefined ? {} : { admission: Buffer.from(admit).toString("base64url") }),
    };
  }

  #sightOf({ node, name, ip, wantedIp, identity, wireguardKey, lost }: Member): MeshMemberSight {
    return {
      ...{ node, name, ipv6: this.#address(identity) },
      ...(ip === undefined ? {} : { ip }),
      ...(wantedIp === ip ? {} : { wantedIp }),
      ...(lost.includes("wireguardKey") ? {} : { wireguardKey: wgKey(wireguardKey) }),
    };
  }

  #address(identity: string): string {
    return meshAddressV6(this.names.id, Buffer.from(identity, "base64url"));
  }

  #own(): OwnSight {
    const { relay } = this.#options;
    const { listenPort = defaultListenPort, endpoint = "", relay: wish } = this.network()?.spec ?? {};
    const { mapped } = this.#surroundings.seen;
    const named = isIP(parseEndpoint(endpoint, 0)?.host ?? "") === 0 ? undefined : endpoint;
    return withoutUndefined({
      port: listenPort,
      addresses: this.#realAddresses().map(({ address, prefix }) => ({ address, prefix })),
      ...{ endpoint: named, mapped },
      canRelay: relay.outcome.active && wish?.enabled !== false,
      up: this.paths?.dump !== undefined,
      meshRanges: [this.names.cidr],
    }) as OwnSight;
  }

  /** Without the tunnel itself, whatever it is called. */
  #realAddresses(): readonly OwnAddress[] {
    const tunnel = this.network()?.spec.interface ?? "homie0";
    return reachableAddresses(ownAddresses()).filter((each) => each.interface !== tunnel);
  }

  #ownLinks(): readonly string[] {
    const port = this.#options.workerPort;
    return this.#realAddresses().map(({ address: host }) => formatEndpoint({ host, port }));
  }

  #bootstrap(): readonly BundlePeer[] {
    return this.#options.book.content?.bootstrap ?? [];
  }

  /** Where the invite says that it takes links. */
  #otherPlaces(node: string): readonly Endpoint[] {
    const { workerPort } = this.#options;
    const record = this.paths.recordOf(node);
    const links = [
      ...(record?.endpoints ?? []),
      ...(this.#bootstrap().find((each) => nodeOf(each) === node)?.links ?? []),
    ];
    return links.flatMap((text) => parseEndpoint(text, workerPort) ?? []);
  }

  /** Named in the invite, and not known by any statement yet: they show theirs when they are met. */
  #strangers(): readonly { readonly node: string; readonly endpoints: readonly Endpoint[] }[] {
    const { book } = this.#options;
    return this.#bootstrap()
      .map((each) => nodeOf(each))
      .filter((node) => book.memberOf(node) === undefined && !book.isOut(node) && node !== book.node)
      .map((node) => ({ node, endpoints: this.#otherPlaces(node) }));
  }

  #throughTunnel(node: string): Endpoint | undefined {
    const { book, workerPort } = this.#options;
    const member = book.memberOf(node);
    if (member === undefined || this.paths.view(node).connection === "none") return undefined;
    const port = portIn(this.paths.recordOf(node)?.endpoints ?? []) ?? workerPort;
    return { host: this.#address(member.identity), port };
  }

  #pathOf(node: string): ReturnType<CrewMesh["pathOf"]> {
    const { connection, via } = this.paths.view(node);
    if (connection === "none") return undefined;
    const { book } = this.#options;
    const through = via === undefined ? book.memberOf(node)?.ip : (book.memberOf(via)?.name ?? via);
    return { kind: connection, ...(through === undefined ? {} : { via: through }) };
  }
}

function portIn(endpoints: readonly string[]): number | undefined {
  const [port] = endpoints.flatMap((each) => parseEndpoint(each, 0)?.port ?? []);
  return port;
}
