import { createHash } from "node:crypto";
import { orderRecords, type SignedRecord } from "../trust/record.ts";
import { varint } from "./bytes.ts";

/** What is known of one owner: its newest record, or two that it signed with one number. */
export interface Register {
  /** First 64 bits of the node id, in hex: what stands for the owner in messages. */
  readonly key: string;
  readonly signed: SignedRecord;
  /** Another record with the same number. Of more than two the two lowest stay, so that all agree which. */
  readonly rival?: SignedRecord;
  /** The owner once signed two records with one number; never forgotten. */
  readonly contradicted: boolean;
  /** When the owner wrote it, as far as those in between tell the truth; monotonic. */
  readonly heardMs: number;
  /** When it was last passed on, and when last as news; monotonic. */
  readonly spread: Spread;
  /** Stands for the register in digests: key, number, two bytes of a hash of what was signed. */
  readonly entry: Buffer;
}

export interface Spread {
  readonly anyMs: number;
  readonly newsMs: number;
}

/** Numbers of a record: boot and seq. */
export interface Version {
  readonly boot: number;
  readonly seq: number;
}

const base32 = "abcdefghijklmnopqrstuvwxyz234567";
const fingerprintBytes = 2;

/** Hex of the first 64 bits of a node id. */
export function keyOf(node: string): string {
  let hex = "";
  let [value, bits] = [0, 0];
  for (let at = 0; hex.length < 16 && at < node.length; at += 1) {
    value = ((value << 5) | Math.max(0, base32.indexOf(node[at] ?? "a"))) & 0xfff;
    for (bits += 5; bits >= 4 && hex.length < 16; bits -= 4) hex += ((value >> (bits - 4)) & 15).toString(16);
  }
  return hex.padEnd(16, "0");
}

export function compareVersions(left: Version, right: Version): number {
  return left.boot === right.boot ? left.seq - right.seq : left.boot - right.boot;
}

/** Both records of a register; mostly one. */
export function recordsOf({ signed, rival }: Register): readonly SignedRecord[] {
  return rival === undefined ? [signed] : [signed, rival];
}

export function fingerprintOf({ entry }: Register): string {
  return entry.toString("hex", entry.length - fingerprintBytes);
}

/** The register after this record was seen; the same one when it is no news. Which record came first makes no difference. */
export function mergeRecord(known: Register | undefined, incoming: SignedRecord, heardMs: number): Register {
  if (known === undefined) {
    const key = keyOf(incoming.record.node);
    return build({
      key,
      signed: incoming,
      heardMs,
      contradicted: false,
      spread: { anyMs: -Infinity, newsMs: -Infinity },
    });
  }
  const order = orderRecords(known.signed, incoming);
  if (order === "contradiction") return contradict(known, incoming);
  const { key, contradicted, spread } = known;
  return order === "newer" ? build({ key, signed: incoming, heardMs, contradicted, spread }) : known;
}

function contradict(known: Register, incoming: SignedRecord): Register {
  const held = recordsOf(known);
  if (held.some((signed) => Buffer.compare(signed.bytes, incoming.bytes) === 0)) return known;
  const ordered = [...held, incoming].toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
  const [signed, rival] = ordered;
  if (signed === undefined || rival === undefined || ordered.indexOf(incoming) > 1) return known;
  return build({ ...known, contradicted: true, signed, rival });
}

function build(parts: Omit<Register, "entry">): Register {
  const hash = createHash("sha256").update(parts.signed.bytes);
  if (parts.rival !== undefined) hash.update(parts.rival.bytes);
  const { boot, seq } = parts.signed.record;
  const fingerprint = hash.digest().subarray(0, fingerprintBytes);
  return { ...parts, entry: Buffer.concat([Buffer.from(parts.key, "hex"), varint(boot), varint(seq), fingerprint]) };
}
