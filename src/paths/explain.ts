import type { Connection, NatKind, PathExplanation, PathTry } from "../resources/network-report.ts";
import { attemptDueMs } from "./attempts.ts";
import { isCarried, isLoopback, isOpenTowards } from "./facts.ts";
import { isHopeless, isInOwnNetwork } from "./options.ts";
import type { Pair, PathsState } from "./state.ts";

/** How packets to a member go now. */
export interface PathView {
  readonly connection: Connection;
  /** Node id of the member that passes them on. */
  readonly via?: string;
  readonly sinceMs: number;
  readonly lastHandshakeAgeMs?: number;
  /** Why there is no way, or no better one. */
  readonly reason?: string;
}

type ReadPair = Readonly<Pair>;

export function pathOf(state: PathsState, node: string, nowMs: number): PathView {
  const pair = state.pairs.get(node);
  if (pair === undefined)
    return { connection: "none", sinceMs: nowMs, reason: "it is no member that this machine knows" };
  const { via, connection } = wayOf(state, pair);
  // Of the tunnel that packets go into.
  const shaken = (state.pairs.get(via ?? node)?.watch ?? pair.watch)?.handshakeMs ?? -Infinity;
  const age = shaken === -Infinity ? {} : { lastHandshakeAgeMs: Math.max(0, nowMs - shaken) };
  const reason = isBest(connection, pair) ? {} : { reason: reasonOf(state, pair) };
  const sinceMs = Math.max(pair.routeMs, connection === "relay" ? -Infinity : pair.aliveMs);
  return { connection, ...(via === undefined ? {} : { via }), sinceMs, ...age, ...reason };
}

function isBest(connection: Connection, pair: ReadPair): boolean {
  return connection !== "none" && connection !== "relay" && !isCarried(pair);
}

function wayOf(state: PathsState, pair: ReadPair): Pick<PathView, "connection" | "via"> {
  if (pair.route === "straight") return { connection: pair.alive ? directKind(state, pair) : "none" };
  const relay = state.pairs.get(pair.route);
  const isReached = pair.said === undefined || pair.said.relays.some(([node]) => node === pair.route);
  return relay?.alive === true && isReached ? { connection: "relay", via: relay.node } : { connection: "none" };
}

function directKind({ own }: PathsState, pair: ReadPair): Connection {
  if (isCarried(pair)) return "direct";
  const { watch, places } = pair;
  const endpoint = watch?.endpoint ?? "";
  const kind = places.find((place) => place.endpoint === endpoint)?.kind;
  if (kind === "lan" || isInOwnNetwork(endpoint, own)) return "lan";
  return kind === "public" || kind === "mapped" || isOpenTowards(endpoint, own) ? "direct" : "punched";
}

function reasonOf(state: PathsState, pair: ReadPair): string {
  if (!state.own.up) return "the WireGuard interface of this machine is not up";
  const ours = state.facts.nat;
  const theirs = pair.member.facts?.nat ?? "unknown";
  if (ours === "udp-blocked") return "UDP does not get out of the network this machine is in";
  if (theirs === "udp-blocked") return "UDP does not get out of the network it is in";
  if (isHopeless(ours, theirs)) return "the routers of both sides let no direct packets through";
  if (pair.member.facts === undefined) return "nothing was heard of it yet";
  return pair.attempt === undefined ? "no direct way answered" : "direct ways are being tried";
}

export interface ExplainOptions {
  readonly nameOf: (node: string) => string;
  readonly nowMs: number;
}

/** For people: what was tried, what came of it, and what comes next. */
export function explainPath(state: PathsState, node: string, { nameOf, nowMs }: ExplainOptions): PathExplanation {
  const pair = state.pairs.get(node);
  const { connection, via } = pathOf(state, node, nowMs);
  const nat = { you: state.facts.nat, peer: pair?.member.facts?.nat ?? ("unknown" as const) };
  const tries = pair === undefined ? [] : triesOf(state, pair, { nameOf, nowMs });
  const dueMs = pair === undefined ? Infinity : attemptDueMs(pair);
  return {
    peer: nameOf(node),
    connection,
    ...(via === undefined ? {} : { via: nameOf(via) }),
    ...{ nat, tries },
    ...(dueMs === Infinity ? {} : { nextTrySeconds: Math.max(0, Math.ceil((dueMs - nowMs) / 1_000)) }),
    words: wordsOf(state, pair, { nameOf, nowMs }),
  };
}

function triesOf(state: PathsState, pair: ReadPair, { nameOf, nowMs }: ExplainOptions): readonly PathTry[] {
  const tried = [...pair.tried].map(([endpoint, { kind, result, atMs }]): PathTry => {
    const where = isLoopback(endpoint) ? "in a TLS connection" : endpoint;
    return { kind, endpoint: where, result, secondsAgo: Math.max(0, Math.round((nowMs - atMs) / 1_000)) };
  });
  const untried = pair.places
    .filter(({ endpoint }) => !pair.tried.has(endpoint))
    .map(({ kind, endpoint }): PathTry => ({ kind, endpoint, result: "untried" }));
  return [...tried, ...untried, ...relaysOf(state, pair, nameOf)];
}

function relaysOf(state: PathsState, pair: ReadPair, nameOf: ExplainOptions["nameOf"]): readonly PathTry[] {
  const others = [...state.pairs.values()].filter(({ node, member }) => node !== pair.node && member.facts?.relays);
  const theirs = new Set(pair.said?.relays.map(([relay]) => relay));
  return others.map(({ node, alive }): PathTry => {
    const base = { kind: "relay", endpoint: nameOf(node) } as const;
    if (pair.route === node) return { ...base, result: alive ? "works" : "no answer" };
    if (!alive) return { ...base, result: "not possible", why: "this machine does not reach it" };
    if (pair.route === "straight" && pair.alive) return { ...base, result: "untried", why: "not needed" };
    return theirs.has(node)
      ? { ...base, result: "untried", why: "another is nearer" }
      : { ...base, result: "not possible", why: `${nameOf(pair.node)} does not reach it` };
  });
}

const natWords: Readonly<Record<NatKind, string>> = {
  none: "has a public address",
  "endpoint-independent": "is behind a router that lets itself be found",
  symmetric: "is behind a router that gives each destination another port",
  "udp-blocked": "is in a network that lets no UDP out",
  unknown: "is behind a router of unknown kind",
};

function wordsOf(state: PathsState, pair: ReadPair | undefined, options: ExplainOptions): readonly string[] {
  if (pair === undefined) return ["it is no member that this machine knows"];
  const name = options.nameOf(pair.node);
  const { connection, via, reason } = pathOf(state, pair.node, options.nowMs);
  const theirs = pair.member.facts?.nat ?? "unknown";
  const kinds = [`this machine ${natWords[state.facts.nat]}`, `${name} ${natWords[theirs]}`];
  const now = {
    lan: `packets go straight over the local network`,
    direct: isCarried(pair)
      ? `packets go straight, inside a TLS connection: ${reason}`
      : `packets go straight over the internet`,
    punched: `packets go straight, through holes in the routers of both sides`,
    relay: `packets go through ${via === undefined ? "a third" : options.nameOf(via)}: ${reason}`,
    none: `no packets get there: ${reason}`,
  }[connection];
  return [now, ...adviceOf(state, pair, connection), ...kinds];
}

function adviceOf(state: PathsState, pair: ReadPair, connection: Connection): readonly string[] {
  if (connection !== "none" || !state.own.up) return [];
  const relays = [...state.pairs.values()].some(({ node, member }) => node !== pair.node && member.facts?.relays);
  if (relays || state.own.canRelay) return [];
  const { port } = state.own;
  return [`nobody here can relay: forward UDP ${port} on one router, or let a machine with a public address join`];
}
