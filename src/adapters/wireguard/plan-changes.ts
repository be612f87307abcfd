import { checkConfig, type WireGuardConfig, type WireGuardPeer } from "./config.ts";
import { derivePublicKey } from "./keys.ts";
import type { DumpedPeer, WireGuardDump } from "./parse-dump.ts";

/** Linux takes 128 KiB in one argument: 2,900 IPv6 addresses with their commas. */
const longestList = 2_900;

/** One change of a running interface. It holds no secret: `set-private-key` means the configured one. */
export type WireGuardAction =
  | { readonly kind: "set-private-key" }
  | { readonly kind: "set-listen-port"; readonly listenPort: number }
  | { readonly kind: "add-peer"; readonly peer: WireGuardPeer }
  | { readonly kind: "set-allowed-ips"; readonly publicKey: string; readonly allowedIps: readonly string[] }
  | { readonly kind: "set-endpoint"; readonly publicKey: string; readonly endpoint: string }
  | { readonly kind: "set-keepalive"; readonly publicKey: string; readonly keepaliveSeconds: number }
  | { readonly kind: "clear-preshared-key"; readonly publicKey: string }
  | { readonly kind: "remove-peer"; readonly publicKey: string };

/**
 * What has to change so that the interface is as configured; `[]` when it is. Only peers that differ are touched, so the
 * sessions of the others go on.
 *
 * An address that moves from peer to peer is taken by the new owner first (WireGuard takes it from the old one in the same
 * breath), then lists shrink, then peers go: at no time has it no owner.
 *
 * `previous` is the configuration applied last, if that is known: a peer with a session may have moved, and WireGuard then
 * knows better where it is, so its endpoint is only written when what is configured has changed since.
 */
export function planChanges(
  config: WireGuardConfig,
  dump: WireGuardDump,
  previous?: WireGuardConfig,
): readonly WireGuardAction[] {
  const { privateKey, listenPort, peers } = checkConfig(config);
  const actions: WireGuardAction[] = [];
  if (derivePublicKey(privateKey) !== dump.publicKey) actions.push({ kind: "set-private-key" });
  if (listenPort !== dump.listenPort) actions.push({ kind: "set-listen-port", listenPort });
  const present = new Map(dump.peers.map((peer) => [peer.publicKey, peer]));
  const before = new Map(previous?.peers.map((peer) => [peer.publicKey, peer.endpoint]));
  actions.push(...planAddresses(peers, present));
  for (const peer of peers) {
    const dumped = present.get(peer.publicKey);
    if (dumped !== undefined) actions.push(...planPeer(peer, dumped, before));
  }
  const wanted = new Set(peers.map((peer) => peer.publicKey));
  const gone = dump.peers.filter((peer) => !wanted.has(peer.publicKey));
  return [...actions, ...gone.map(({ publicKey }) => ({ kind: "remove-peer", publicKey }) as const)];
}

/**
 * The same, with peers that are taken out and put in again: for these it is as if they had not been there. Only where WireGuard
 * found one that has no configured endpoint is kept: it could be found nowhere else.
 */
export function planRenewal(
  config: WireGuardConfig,
  dump: WireGuardDump,
  { renewed, previous }: { readonly renewed: ReadonlySet<string>; readonly previous: WireGuardConfig | undefined },
): readonly WireGuardAction[] {
  const wanted = new Set(config.peers.map(({ publicKey }) => publicKey));
  const present = dump.peers.filter(({ publicKey }) => renewed.has(publicKey) && wanted.has(publicKey));
  const gone = new Set(present.map(({ publicKey }) => publicKey));
  const others = { ...dump, peers: dump.peers.filter(({ publicKey }) => !gone.has(publicKey)) };
  const removals = present.map(({ publicKey }) => ({ kind: "remove-peer", publicKey }) as const);
  const found = new Map(present.map(({ publicKey, endpoint }) => [publicKey, endpoint]));
  return [...removals, ...planChanges(config, others, previous).map((action) => keepEndpoint(action, found))];
}

function keepEndpoint(action: WireGuardAction, found: ReadonlyMap<string, string | undefined>): WireGuardAction {
  if (action.kind !== "add-peer" || action.peer.endpoint !== undefined) return action;
  const endpoint = found.get(action.peer.publicKey);
  return endpoint === undefined ? action : { ...action, peer: { ...action.peer, endpoint } };
}

type Present = ReadonlyMap<string, DumpedPeer>;

function planAddresses(peers: readonly WireGuardPeer[], present: Present): readonly WireGuardAction[] {
  const gains = (peer: WireGuardPeer): boolean => !isWithin(peer.allowedIps, present.get(peer.publicKey)?.allowedIps);
  const gainers = peers.filter(gains);
  const taken = new Set(gainers.flatMap((peer) => peer.allowedIps));
  const others = peers.filter((peer) => !gains(peer));
  return [...planGains(gainers, present), ...planLosses(others, present, taken)];
}

/** Who gains keeps for the moment what a later one is going to take from it. */
function planGains(gainers: readonly WireGuardPeer[], present: Present): readonly WireGuardAction[] {
  const toTake = new Set(gainers.flatMap((peer) => peer.allowedIps));
  return gainers.map((peer) => {
    for (const address of peer.allowedIps) toTake.delete(address);
    const held = present.get(peer.publicKey)?.allowedIps;
    if (held === undefined) return { kind: "add-peer", peer };
    const kept = held.filter((address) => toTake.has(address)).slice(0, longestList - peer.allowedIps.length);
    return setAllowedIps(peer.publicKey, [...peer.allowedIps, ...kept]);
  });
}

/** Who only loses has nothing to do if others have taken all it had to lose. */
function planLosses(
  losers: readonly WireGuardPeer[],
  present: Present,
  taken: ReadonlySet<string>,
): readonly WireGuardAction[] {
  const surplus = losers.filter(({ publicKey, allowedIps }) => {
    const left = present.get(publicKey)?.allowedIps.filter((address) => !taken.has(address));
    return left?.length !== allowedIps.length;
  });
  return surplus.map(({ publicKey, allowedIps }) => setAllowedIps(publicKey, allowedIps));
}

function isWithin(addresses: readonly string[], held: readonly string[] | undefined): boolean {
  const set = new Set(held);
  return held !== undefined && addresses.every((address) => set.has(address));
}

function setAllowedIps(publicKey: string, allowedIps: readonly string[]): WireGuardAction {
  return { kind: "set-allowed-ips", publicKey, allowedIps };
}

function planPeer(
  { publicKey, endpoint, keepaliveSeconds = 0 }: WireGuardPeer,
  dumped: DumpedPeer,
  before: ReadonlyMap<string, string | undefined>,
): readonly WireGuardAction[] {
  const actions: WireGuardAction[] = [];
  if (dumped.hasPresharedKey) actions.push({ kind: "clear-preshared-key", publicKey });
  if (
    endpoint !== undefined &&
    isMisplaced(dumped, endpoint, { isKnown: before.has(publicKey), of: before.get(publicKey) })
  )
    actions.push({ kind: "set-endpoint", publicKey, endpoint });
  if (keepaliveSeconds !== dumped.keepaliveSeconds) {
    actions.push({ kind: "set-keepalive", publicKey, keepaliveSeconds });
  }
  return actions;
}

interface Before {
  readonly isKnown: boolean;
  readonly of: string | undefined;
}

/**
 * WireGuard follows whoever proves itself: its endpoint is written over only by a new one. Somebody may also knock from
 * elsewhere before it has answered: what was written once is not written again and again.
 */
function isMisplaced({ endpoint: live, latestHandshakeSeconds }: DumpedPeer, wanted: string, before: Before): boolean {
  if (live === wanted) return false;
  if (live === undefined || (before.isKnown && before.of !== wanted)) return true;
  return latestHandshakeSeconds === 0 && !before.isKnown;
}
