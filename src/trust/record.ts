import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { nodeIdOf } from "./identity.ts";
import { readFacts } from "./record-facts.ts";
import { decodeStrictJson } from "./strict-json.ts";

/** One graphics processor, sizes in bytes. */
export interface RecordGpu {
  readonly model: string;
  readonly memoryTotal: number;
  readonly memoryFree: number;
  readonly usedPercent: number;
}
/** cpu in cores, the rest in bytes; `jobs` is how many. */
export interface RecordShare {
  readonly cpu: number;
  readonly memory: number;
  readonly disk: number;
  readonly gpus: number;
  readonly jobs: number;
}

/** How the tunnel of a machine may be reached, and whether it passes packets on; as in src/paths/types.ts. */
export interface RecordTunnel {
  readonly places: readonly { readonly kind: "lan" | "public" | "mapped" | "seen"; readonly endpoint: string }[];
  readonly nat: "none" | "endpoint-independent" | "symmetric" | "udp-blocked" | "unknown";
  readonly relays: boolean;
  /** Digest of the statements that it has, 22 letters: who has the same knows the same members. */
  readonly knows?: string;
}

/** What a machine says about itself. Only its owner writes it; the highest (boot, seq) counts. Sizes in bytes. */
export interface LiveRecord {
  /** Node id of the owner. */
  readonly node: string;
  /** DNS label. */
  readonly name: string;
  readonly version: string;
  /** Counts starts of the owner's daemon; kept on its disk. */
  readonly boot: number;
  /** Counts records within one boot. */
  readonly seq: number;
  readonly cpuCount: number;
  readonly cpuUsedPercent: number;
  readonly memoryTotal: number;
  readonly memoryFree: number;
  readonly diskFree: number;
  readonly gpus: readonly RecordGpu[];
  /** Running now. */
  readonly jobs: number;
  readonly allocatable: RecordShare;
  readonly allocated: RecordShare;
  /** On what terms it lends, for schedulers; a hint, and read as one (`sanitizePeerFacts`). Absent in older versions. */
  readonly lends?: Readonly<Record<string, unknown>>;
  /** Absent outside of a mesh, and in older versions. */
  readonly tunnel?: RecordTunnel;
  /** Its wall clock when this was written, milliseconds since 1970. Shown to people and nothing else: no decision reads it. */
  readonly wallClockMs?: number;
  /** HOST:PORT where the owner believes to be reachable; claims, to be checked before use. At most 8. */
  readonly endpoints: readonly string[];
}

const domain = Buffer.from("homie/record/1\0");
const version = 1;
const signatureBytes = 64;
const headBytes = 1 + 32 + signatureBytes;
/** A record is never longer, sealed. */
export const maxRecordBytes: number = 16 * 1024;

/** version u8, identity 32, signature 64 over domain and payload, payload: JSON. `identityKey` is PKCS #8 DER, base64. */
export function signRecord(record: LiveRecord, identityKey: string): Buffer {
  const key = createPrivateKey({ key: Buffer.from(identityKey, "base64"), format: "der", type: "pkcs8" });
  const payload = Buffer.from(JSON.stringify(record));
  const { x } = createPublicKey(key).export({ format: "jwk" });
  const identity = Buffer.from(x ?? "", "base64url");
  const signature = sign(null, Buffer.concat([domain, payload]), key);
  return Buffer.concat([Buffer.from([version]), identity, signature, payload]);
}

export interface SignedRecord {
  readonly record: LiveRecord;
  /** Raw Ed25519 public key of the owner. */
  readonly identity: Uint8Array;
  /** As received; forwarded like this, never written anew. */
  readonly bytes: Uint8Array;
}

/**
 * Undefined unless the signature is the owner's own and every field is sound. Numbers that promise too much are lowered
 * to what a machine can have; what cannot be true at all is refused.
 */
export function openRecord(bytes: Uint8Array): SignedRecord | undefined {
  if (bytes.length <= headBytes || bytes.length > maxRecordBytes || bytes[0] !== version) return undefined;
  const identity = bytes.subarray(1, 33);
  const payload = bytes.subarray(headBytes);
  if (!verifySignature(identity, bytes.subarray(33, headBytes), payload)) return undefined;
  const record = readFacts(decodeStrictJson(payload, { maxBytes: maxRecordBytes, maxDepth: 6 }));
  return record === undefined || record.node !== nodeIdOf(identity) ? undefined : { record, identity, bytes };
}

/** Where a record stands against the newest known one of the same owner. */
export type RecordOrder = "newer" | "same" | "older" | "contradiction";

/** Two different records with one number are proof that their owner (or its key's thief) cheats. */
export function orderRecords(known: SignedRecord | undefined, incoming: SignedRecord): RecordOrder {
  if (known === undefined) return "newer";
  const difference =
    incoming.record.boot === known.record.boot
      ? incoming.record.seq - known.record.seq
      : incoming.record.boot - known.record.boot;
  if (difference !== 0) return difference > 0 ? "newer" : "older";
  return Buffer.compare(incoming.bytes, known.bytes) === 0 ? "same" : "contradiction";
}

function verifySignature(identity: Uint8Array, signature: Uint8Array, payload: Uint8Array): boolean {
  const x = Buffer.from(identity).toString("base64url");
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, Buffer.concat([domain, payload]), key, signature);
  } catch {
    return false; // bytes that are no key signed nothing
  }
}
