import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Label of the TLS exporter (RFC 8446, 7.5) whose value the proofs are bound to. */
export const channelLabel = "EXPORTER-homie-admission-1";
export const channelBytes = 32;

/** Keys derived from the group secret; the secret itself is used for nothing else. */
export interface GroupKeys {
  readonly admission: Buffer;
  readonly beacon: Buffer;
  /** Marks pins made under this secret: another secret asks everybody for a new proof. */
  readonly pin: Buffer;
  /** Seals claims and offers of attempts. */
  readonly claim: Buffer;
}

export function deriveGroupKeys(groupSecret: string): GroupKeys {
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync("sha256", Buffer.from(groupSecret.normalize("NFC"), "utf8"), "homie", purpose, 32));
  return {
    admission: derive("homie/admission/1"),
    beacon: derive("homie/beacon/1"),
    pin: derive("homie/pin/1"),
    claim: derive("homie/claim/1"),
  };
}

/** The newest keys of a crew, with those of earlier secrets that are still known: what comes may have been made before it changed. */
export interface KeyRing extends GroupKeys {
  readonly earlier?: readonly GroupKeys[];
}

/** Newest first. */
export function allKeys(ring: KeyRing): readonly GroupKeys[] {
  return [ring, ...(ring.earlier ?? [])];
}

/** A ring over secrets that change; `secrets`, newest first, is asked at every use and never empty. */
export function createKeyRing(secrets: () => readonly string[]): KeyRing {
  const derived = new Map<string, GroupKeys>();
  const keysOf = (secret: string): GroupKeys => {
    const keys = derived.get(secret) ?? deriveGroupKeys(secret);
    derived.set(secret, keys);
    return keys;
  };
  const newest = (): GroupKeys => keysOf(secrets()[0] ?? "");
  return {
    get admission() {
      return newest().admission;
    },
    get beacon() {
      return newest().beacon;
    },
    get pin() {
      return newest().pin;
    },
    get claim() {
      return newest().claim;
    },
    get earlier() {
      return secrets().slice(1).map(keysOf);
    },
  };
}

/** Both ends of one TLS connection: raw identity keys, and the exporter's value that only these two know. */
export interface Channel {
  readonly exporter: Uint8Array;
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}
export type Role = "client" | "server";

/** Proof that `role` knows the secret, worth nothing on any other connection, for any other pair, or sent back. */
export function proveSecret(keys: Pick<GroupKeys, "admission">, channel: Channel, role: Role): Buffer {
  return createHmac("sha256", keys.admission)
    .update(`homie/admission/1\0${role}\0`)
    .update(channel.exporter)
    .update(channel.client)
    .update(channel.server)
    .digest();
}

export function checkProof(
  keys: Pick<GroupKeys, "admission">,
  channel: Channel,
  role: Role,
  proof: Uint8Array,
): boolean {
  const expected = proveSecret(keys, channel, role);
  return proof.length === expected.length && timingSafeEqual(proof, expected);
}

/** What a pin is marked with. */
export function pinMark(keys: Pick<GroupKeys, "pin">, identity: Uint8Array): string {
  return createHmac("sha256", keys.pin).update(identity).digest("base64");
}
