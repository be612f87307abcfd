import type { Option, Route } from "./state.ts";

/** What one side tells the other of the pair; always all of it, so that the newest replaces what came before. */
export interface Body {
  /** The leader's decision and its number. */
  readonly decision: { readonly number: number; readonly route: Route } | undefined;
  /** The leader's decision that this side has carried out. */
  readonly done: number;
  /** This side sees that the straight tunnel works. */
  readonly alive: boolean;
  /** The leader's newest attempt. */
  readonly attempt: ({ readonly number: number; readonly isLeaderFirst: boolean } & Option) | undefined;
  /** Where this side's WireGuard sees the other. */
  readonly observed: string | undefined;
  /** Where others see this side. */
  readonly seen: readonly string[];
  /** Members this side reaches that relay, with the round trip. */
  readonly relays: readonly (readonly [node: string, rttMs: number])[];
}

export interface Message {
  readonly session: string;
  /** Of the other side, as far as known; "" before. */
  readonly peerSession: string;
  readonly number: number;
  readonly acknowledged: number;
  /** The sender says it again until it is acknowledged. */
  readonly asks: boolean;
  readonly body: Body;
}

const maxBytes = 1_024;
export const maxRelays = 8;
export const maxSeen = 3;
const kinds = ["lan", "public", "seen"] as const;
const sessionPattern = /^[0-9a-f]{12}$/;
const nodePattern = /^[a-z2-7]{25}$/;
const endpointPattern = /^[0-9A-Fa-f.:[\]]{9,47}$/;

/** JSON: [version, session, peer's session, number, acknowledged, asks, body]. */
export function encodeMessage({ session, peerSession, number, acknowledged, asks, body }: Message): Uint8Array {
  const fields = [1, session, peerSession, number, acknowledged, asks ? 1 : 0];
  return Buffer.from(`${JSON.stringify(fields).slice(0, -1)},${encodeBody(body)}]`);
}

/** The same text for the same body. */
export function encodeBody({ decision, done, alive, attempt, observed, seen, relays }: Body): string {
  const tried =
    attempt === undefined
      ? 0
      : [attempt.number, kinds.indexOf(attempt.kind), attempt.index, attempt.isLeaderFirst ? 1 : 0];
  return JSON.stringify([
    decision === undefined ? 0 : [decision.number, decision.route ?? ""],
    done,
    alive ? 1 : 0,
    tried,
    observed ?? "",
    seen.slice(0, maxSeen),
    relays.slice(0, maxRelays),
  ]);
}

/** Undefined unless every field is what it should be. Endpoints are only shaped like ones: to be checked where they are used. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.length > maxBytes) return undefined;
  const fields = parseList(bytes, 7);
  if (fields === undefined) return undefined;
  const [version, session, peerSession, number, acknowledged, asks, body] = fields;
  if (version !== 1 || !isText(session, sessionPattern)) return undefined;
  if (peerSession !== "" && !isText(peerSession, sessionPattern)) return undefined;
  if (!isCount(number) || !isCount(acknowledged) || !isBit(asks)) return undefined;
  const read = readBody(body);
  if (read === undefined) return undefined;
  return { session, peerSession, number, acknowledged, asks: asks === 1, body: read };
}

function parseList(bytes: Uint8Array, length: number): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isList(value, length) ? value : undefined;
  } catch {
    // Not JSON, or not UTF-8: no message.
    return undefined;
  }
}

function readBody(value: unknown): Body | undefined {
  if (!isList(value, 7)) return undefined;
  const [decided, done, alive, tried, observed, seen, relays] = value;
  const decision = readDecision(decided);
  const attempt = readAttempt(tried);
  if (decision === null || attempt === null || !isCount(done) || !isBit(alive)) return undefined;
  if (observed !== "" && !isText(observed, endpointPattern)) return undefined;
  if (!isListOf(seen, maxSeen, (each): each is string => isText(each, endpointPattern))) return undefined;
  if (!isListOf(relays, maxRelays, isRelay)) return undefined;
  return {
    decision,
    done,
    alive: alive === 1,
    attempt,
    observed: observed === "" ? undefined : observed,
    seen,
    relays,
  };
}

/** Null: not sound. */
function readDecision(value: unknown): Body["decision"] | null {
  if (value === 0) return undefined;
  if (!isList(value, 2)) return null;
  const [number, route] = value;
  if (!isCount(number) || (route !== "straight" && !isText(route, nodePattern))) return null;
  return { number, route };
}

function readAttempt(value: unknown): Body["attempt"] | null {
  if (value === 0) return undefined;
  if (!isList(value, 4)) return null;
  const [number, kindIndex, index, first] = value;
  if (!isCount(number) || !isCount(kindIndex) || !isCount(index) || !isBit(first) || index > 7) return null;
  const kind = kinds[kindIndex];
  return kind === undefined ? null : { number, kind, index, isLeaderFirst: first === 1 };
}

function isRelay(value: unknown): value is readonly [string, number] {
  if (!isList(value, 2)) return false;
  const [node, rttMs] = value;
  return isText(node, nodePattern) && typeof rttMs === "number" && rttMs >= 0 && rttMs <= 60_000;
}

function isList(value: unknown, length: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length === length;
}

function isListOf<T>(value: unknown, most: number, fits: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.length <= most && value.every(fits);
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isBit(value: unknown): value is 0 | 1 {
  return value === 0 || value === 1;
}
