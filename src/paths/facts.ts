import type { NatKind } from "../resources/network-report.ts";
import { formatEndpoint, parseAddress, parseEndpoint, reachOf, usableEndpoint, type Endpoint } from "./addresses.ts";
import type { Draft } from "./draft.ts";
import { maxSeen } from "./message.ts";
import { firstGuess } from "./options.ts";
import type { OwnSight, Pair, TryResult } from "./state.ts";
import type { Place, TunnelFacts } from "./types.ts";

const maxPlaces = 12;
const maxObservers = 8;

/** What this machine knows of itself now. */
export function refreshFacts(draft: Draft): void {
  const facts = factsOf(draft);
  if (JSON.stringify(facts) !== JSON.stringify(draft.facts)) draft.facts = facts;
}

function factsOf(draft: Draft): TunnelFacts {
  const { own, pairs } = draft;
  const observations = currentObservations(draft);
  const places = [...ownPlaces(own)];
  const known = new Set(places.map(({ endpoint }) => endpoint));
  const seen = rankSeen(observations)
    .filter((endpoint) => !known.has(endpoint))
    .slice(0, maxSeen);
  for (const endpoint of seen) places.push({ kind: "seen", endpoint });
  const nat = own.natHint ?? judgeNat(own, observations, pairs);
  return { places: places.slice(0, maxPlaces), nat, relays: own.canRelay && own.up };
}

/**
 * Whoever is out of sight may have seen this machine where it is no more, and what was seen before it moved counts only until
 * somebody sees it elsewhere: nobody says again what has not changed. The newest first.
 */
function currentObservations({ observations, movedMs, pairs }: Draft): ReadonlyMap<string, string> {
  const newest = [...observations].toReversed();
  const fresh = newest.filter(([, { atMs }]) => atMs > movedMs);
  const here = fresh.length === 0 ? newest : fresh;
  const current = here.filter(([node]) => pairs.get(node)?.alive === true);
  const chosen = current.length === 0 ? here : current;
  return new Map(chosen.map(([node, { endpoint }]) => [node, endpoint]));
}

/** Public ones first. */
function ownPlaces({ port, addresses, endpoint, mapped }: OwnSight): readonly Place[] {
  if (port === 0) return [];
  const lan: Place[] = [];
  const open: Place[] = [];
  for (const { address } of addresses) {
    const parsed = parseAddress(address);
    const reach = parsed === undefined ? "never" : reachOf(parsed);
    if (reach === "private") lan.push({ kind: "lan", endpoint: formatEndpoint(address, port) });
    if (reach === "public") open.push({ kind: "public", endpoint: formatEndpoint(address, port) });
  }
  const mappings = [endpoint, mapped].flatMap((text): readonly Place[] => {
    const text_ = text === undefined ? undefined : parseEndpoint(text)?.text;
    return text_ === undefined ? [] : [{ kind: "mapped", endpoint: text_ }];
  });
  return [...open, ...mappings, ...lan.slice(0, 6)];
}

/** Those that several agree on first. */
function rankSeen(observations: ReadonlyMap<string, string>): readonly string[] {
  return [...countSeen(observations)].toSorted((a, b) => b[1] - a[1]).map(([endpoint]) => endpoint);
}

function countSeen(observations: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const endpoint of observations.values()) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  return counts;
}

/** By what others see; a machine that only sees itself in private networks knows nothing. */
function judgeNat(own: OwnSight, observations: ReadonlyMap<string, string>, pairs: Draft["pairs"]): NatKind {
  if (hasPublicAddress(own)) return "none";
  const open = [...observations].filter(([, endpoint]) => isPublic(endpoint));
  const counts = [...countSeen(new Map(open)).values()];
  if (counts.length === 0) return isBlocked(pairs) ? "udp-blocked" : "unknown";
  if (Math.max(...counts) >= 2) return "endpoint-independent";
  return counts.length >= 2 ? "symmetric" : "unknown";
}

/** Nothing between this machine and that place forgets a flow of packets. */
export function isOpenTowards(endpoint: string, own: OwnSight): boolean {
  if (parseEndpoint(endpoint)?.address.family !== 4) return false;
  return hasPublicAddress(own) || own.mapped !== undefined || own.endpoint !== undefined;
}

function hasPublicAddress({ addresses }: OwnSight): boolean {
  return addresses.some(({ address }) => {
    const parsed = parseAddress(address);
    return parsed?.family === 4 && reachOf(parsed) === "public";
  });
}

/** Members at public addresses are there, over TCP, and no tunnel of any of them ever answered. */
function isBlocked(pairs: Draft["pairs"]): boolean {
  const open = [...pairs.values()].filter(({ places }) => places.some(({ kind }) => kind === "public"));
  const asked = open.filter(({ member, tried }) => member.linked && [...tried.values()].some(isOpenAndSilent));
  return asked.length > 0 && open.every((pair) => !pair.alive || isCarried(pair));
}

/** Its packets travel in a connection: that is no UDP. */
export function isCarried({ watch }: Readonly<Pair>): boolean {
  return isLoopback(watch?.endpoint ?? "");
}

export function isLoopback(endpoint: string): boolean {
  return endpoint.startsWith("127.");
}

function isOpenAndSilent({ kind, failures }: TryResult): boolean {
  return kind === "public" && failures > 0;
}

function isPublic(endpoint: string): boolean {
  const parsed = parseEndpoint(endpoint);
  return parsed !== undefined && reachOf(parsed.address) === "public";
}

/** A member says where it sees this machine. */
export function observe(draft: Draft, observer: string, endpoint: string | undefined): void {
  if (endpoint === undefined) return;
  const usable = usableEndpoint(endpoint, draft.own.meshRanges ?? [])?.text;
  if (usable === undefined || draft.observations.get(observer)?.endpoint === usable) return;
  const others = [...draft.observations].filter(([node]) => node !== observer);
  const seen = { endpoint: usable, atMs: draft.nowMs };
  draft.observations = new Map([...others, [observer, seen] as const].slice(-maxObservers));
}

/** Where the member may be: what its record says, and what it said since. */
export function refreshPlaces(draft: Draft, pair: Pair): void {
  const places = new Map<string, Place>();
  for (const { kind, endpoint } of claimsOf(pair)) {
    const usable = usableEndpoint(endpoint, draft.own.meshRanges ?? []);
    if (usable === undefined || places.has(usable.text) || isOwn(draft, usable)) continue;
    places.set(usable.text, { kind, endpoint: usable.text });
  }
  const next = [...places.values()];
  if (JSON.stringify(next) !== JSON.stringify(pair.places)) pair.places = next;
  pair.endpoint ??= firstGuess(pair, draft.own);
}

function claimsOf({ member, said }: Pair): readonly Place[] {
  const told = (member.facts?.places ?? []).slice(0, maxPlaces);
  const seen = said?.seen ?? [];
  return seen.length === 0 ? told : [...told.filter(({ kind }) => kind !== "seen"), ...seen.map(asSeen)];
}

function asSeen(endpoint: string): Place {
  return { kind: "seen", endpoint };
}

function isOwn({ own }: Draft, { host, port }: Endpoint): boolean {
  return port === own.port && own.addresses.some(({ address }) => address === host);
}
