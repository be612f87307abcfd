import type { Draft } from "./draft.ts";
import type { Pair, TunnelSight, Watch } from "./state.ts";

/** WireGuard uses a session for no longer, and makes the next one before that while packets flow. */
const sessionMs = 185_000;
/** What is sent and got no answer: more than two keepalives or one start of a session. */
const owedBytes = 300;
/** Heartbeats of a link come every 2 s. */
const silenceMs = 4_500;
/** Without a link something comes back after 10 s at the latest. */
const idleSilenceMs = 12_000;
const linkedLatelyMs = 15_000;
/** A doubt is mostly for nothing: the next packet takes it away. */
const graceMs = 2_500;
/** Stamps have whole seconds. */
const sameStampMs = 2_500;

/** What WireGuard shows now. */
export function watchTunnels(draft: Draft, tunnels: readonly TunnelSight[]): void {
  const sights = new Map(tunnels.map((tunnel) => [tunnel.node, tunnel]));
  for (const pair of draft.pairs.values()) {
    const sight = sights.get(pair.node);
    pair.watch = sight === undefined ? undefined : nextWatch(pair.watch, sight, draft.nowMs);
  }
  if (!draft.hasLooked && draft.own.up) adopt(draft, tunnels);
}

/** An earlier run of this machine may have left tunnels that work: they stay as they are until somebody says otherwise. */
function adopt(draft: Draft, tunnels: readonly TunnelSight[]): void {
  draft.hasLooked = true;
  for (const { node: carrier, carries = [] } of tunnels)
    for (const node of carries) {
      const pair = draft.pairs.get(node);
      if (pair === undefined || node === carrier) continue;
      pair.route = carrier;
      pair.offer = carrier;
    }
}

function nextWatch(before: Watch | undefined, sight: TunnelSight, nowMs: number): Watch {
  const { endpoint, handshakeAgeMs, receivedBytes: received, sentBytes: sent } = sight;
  const stampMs = handshakeAgeMs === undefined ? undefined : nowMs - handshakeAgeMs;
  const handshakeMs = handshakeOf(before, stampMs, nowMs);
  const isNew = before === undefined || received < before.received || sent < before.sent;
  const hasCome = isNew ? received > 0 && before !== undefined : received > before.received;
  const base = { endpoint, stampMs, handshakeMs, received, sent };
  if (hasCome) return { ...base, receivedMs: nowMs, sentThen: sent, owedMs: undefined };
  if (isNew) return { ...base, receivedMs: before?.receivedMs ?? handshakeMs, sentThen: sent, owedMs: undefined };
  const { receivedMs, sentThen, owedMs } = before;
  return { ...base, receivedMs, sentThen, owedMs: sent - sentThen < 100 ? undefined : (owedMs ?? nowMs) };
}

function handshakeOf(before: Watch | undefined, stampMs: number | undefined, nowMs: number): number {
  if (stampMs === undefined) return -Infinity;
  if (before === undefined) return stampMs;
  const isSame = before.stampMs !== undefined && Math.abs(stampMs - before.stampMs) < sameStampMs;
  return isSame ? before.handshakeMs : nowMs;
}

/** Looks again at what works; time alone changes it too. */
export function judgeTunnels(draft: Draft): void {
  for (const pair of draft.pairs.values()) {
    const isAlive = works(pair, draft.nowMs);
    if (isAlive !== pair.alive) {
      pair.alive = isAlive;
      pair.aliveMs = draft.nowMs;
    }
    if (isAlive) pair.endpoint = pair.watch?.endpoint ?? pair.endpoint;
  }
}

function works({ watch, doubtMs, linkedMs, member }: Pair, nowMs: number): boolean {
  if (watch === undefined || nowMs - watch.handshakeMs >= sessionMs) return false;
  if (Math.max(watch.handshakeMs, watch.receivedMs) <= doubtMs) return false;
  const isLinked = member.linked || nowMs - linkedMs < linkedLatelyMs;
  const limit = isLinked ? silenceMs : idleSilenceMs;
  const isSilent = watch.owedMs !== undefined && nowMs - watch.owedMs >= limit;
  return !(isSilent && watch.sent - watch.sentThen >= owedBytes);
}

/** From now on only what comes later proves that it works. */
export function doubt(pair: Pair, nowMs: number): void {
  pair.doubtMs = nowMs;
  if (!pair.alive) return;
  pair.alive = false;
  pair.aliveMs = nowMs;
}

/** It does not work, and that is no mere doubt. */
export function isDown({ alive, aliveMs, doubtMs }: Readonly<Pair>, nowMs: number): boolean {
  return !alive && (doubtMs < aliveMs || nowMs - aliveMs >= graceMs);
}

/** Until when a doubt is only a doubt. */
export function doubtEndsMs({ alive, aliveMs, doubtMs }: Readonly<Pair>): number {
  return alive || doubtMs < aliveMs ? Infinity : aliveMs + graceMs;
}
