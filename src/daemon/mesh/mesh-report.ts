import type { Network } from "../../resources/network.ts";
import type { NetworkPeerReport, NetworkReport, NetworkTotals } from "../../resources/network-report.ts";
import type { Peer } from "../../resources/peer.ts";
import { timestamp } from "../../reconciler/conditions.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import type { Member, Removed } from "../../trust/membership/judge-membership.ts";
import { meshAddressV6 } from "../../trust/membership/mesh-addresses.ts";
import type { ObjectStore } from "../../store/types.ts";
import type { MachineSize } from "../../scheduler/effective-limits.ts";
import { namesIn } from "./mesh-exits.ts";
import type { MeshBook } from "./mesh-book.ts";
import type { MeshPaths } from "./mesh-paths.ts";

export interface MeshReportFacts {
  readonly book: MeshBook;
  readonly paths: MeshPaths;
  readonly knownTo: (node: string) => readonly string[];
  readonly store: ObjectStore;
  readonly machine: MachineSize;
  readonly gpus: number;
  readonly now: Date;
  /** Peer object of a member, with the figures of this moment. */
  readonly peerOf: (node: string) => Peer | undefined;
  readonly network: Network | undefined;
}

/** What `homie network status` shows. The book has a network. */
export function reportNetwork(facts: MeshReportFacts): NetworkReport {
  const { book, paths } = facts;
  const { id = "", name = "", cidr = "" } = book.network ?? {};
  const own = book.own;
  const peers = [
    ...book.membership.members.filter(({ node }) => node !== book.node).map((member) => reportMember(member, facts)),
    ...book.membership.removed.filter(({ how }) => how === "Revoked").map((removed) => reportRemoved(removed, facts)),
  ];
  const problem = interfaceProblem(facts.network, paths.dump !== undefined);
  return {
    ...{ name, network: id, cidr },
    you: withoutUndefined({
      name: own?.name ?? "",
      node: book.node,
      ip: own?.ip ?? "",
      ipv6: meshAddressV6(id, Buffer.from(book.key, "base64url")),
      invitedBy: own === undefined ? undefined : inviterOf(own, book),
      removed: removalOf(book),
      nat: paths.facts.nat,
      relays: paths.facts.relays,
      interfaceProblem: problem,
    }),
    peers: peers.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    totals: sumUp(facts, peers),
  };
}

function removalOf(book: MeshBook): NetworkReport["you"]["removed"] {
  if (book.own !== undefined) return undefined;
  const removed = book.membership.removed.find(({ node }) => node === book.node);
  return removed === undefined ? { how: "NotAdmitted" } : { how: removed.how, by: nameOf(removed.by, book) };
}

function reportMember(member: Member, facts: MeshReportFacts): NetworkPeerReport {
  const { book } = facts;
  const { node, name, ip = "", identity } = member;
  return withoutUndefined({
    ...{ name, node, ip, invitedBy: inviterOf(member, book), knownTo: facts.knownTo(node) },
    ...reportWay(node, facts),
    ipv6: meshAddressV6(book.network?.id ?? "", Buffer.from(identity, "base64url")),
  }) as NetworkPeerReport;
}

type Way = Pick<NetworkPeerReport, "status" | "connection" | "via" | "rttMs" | "lastHandshake" | "reason">;

function reportWay(node: string, { book, paths, peerOf, now }: MeshReportFacts): Way {
  const { phase: status = "Offline", path } = peerOf(node)?.status ?? {};
  const { connection, via, lastHandshakeAgeMs: age, reason } = paths.view(node);
  const isThere = status === "Online" || status === "Suspect";
  return withoutUndefined({
    ...{ status, reason, connection: isThere ? connection : "none" },
    via: isThere ? nameOfNode(via, book) : undefined,
    rttMs: isThere ? path?.rttMs : undefined,
    lastHandshake: age === undefined ? undefined : timestamp(new Date(now.getTime() - age)),
  }) as Way;
}

function nameOfNode(node: string | undefined, book: MeshBook): string | undefined {
  return node === undefined ? undefined : (book.memberOf(node)?.name ?? node);
}

function reportRemoved({ node, identity, by }: Removed, { book, peerOf }: MeshReportFacts): NetworkPeerReport {
  const name = peerOf(node)?.status?.name ?? nameOf(identity, book);
  const ipv6 = meshAddressV6(book.network?.id ?? "", Buffer.from(identity, "base64url"));
  const reason = `revoked by ${nameOf(by, book)}`;
  return { name, node, status: "Revoked", connection: "none", ip: "", ipv6, reason };
}

export function inviterOf({ chain }: Member, book: MeshBook): string | undefined {
  const inviter = chain.at(-1);
  return inviter === undefined ? undefined : nameOf(inviter, book);
}

function nameOf(identity: string, book: MeshBook): string {
  const node = nodeIdOf(Buffer.from(identity, "base64url"));
  return book.memberOf(node)?.name ?? namesIn(book.statements()).get(identity) ?? node;
}

function interfaceProblem(network: Network | undefined, isUp: boolean): NetworkReport["you"]["interfaceProblem"] {
  const condition = network?.status?.conditions?.find(({ type }) => type === "InterfaceReady");
  // While it is changed, which is often, it is up all the same.
  if (condition === undefined || condition.status === "Unknown")
    return isUp ? undefined : { message: "the interface of the mesh is not set up yet" };
  if (condition.status === "True") return undefined;
  const { message, reason } = condition;
  return { message: message === "" ? reason : message };
}

function sumUp(
  { store, machine, gpus, now, peerOf }: MeshReportFacts,
  peers: readonly NetworkPeerReport[],
): NetworkTotals {
  const online = peers.filter(({ status }) => status === "Online");
  const resources = online.map(({ node }) => peerOf(node)?.status?.resources);
  const sum = (values: readonly (number | undefined)[]): number =>
    values.reduce<number>((all, each) => all + (each ?? 0), 0);
  const midnight = new Date(now);
  midnight.setHours(0, 0, 0, 0);
  return {
    peers: peers.filter(({ status }) => status !== "Revoked").length + 1,
    online: online.length + 1,
    cpus: machine.cpus + sum(resources.map((each) => each?.cpuCount)),
    memory: machine.memoryBytes + sum(resources.map((each) => each?.memoryTotal)),
    gpus: gpus + sum(resources.map((each) => each?.gpus?.length)),
    jobsToday:
      store.history.list({ since: midnight, limit: 10_000 }).length + store.list("Attempt").filter(isUnfinished).length,
  };
}

function isUnfinished({ status }: { readonly status?: unknown }): boolean {
  return (status as { readonly phase?: string } | undefined)?.phase !== "Finished";
}
