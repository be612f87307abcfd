import { Cursor, Truncated, varint } from "./bytes.ts";
import type { Version } from "./register.ts";
import { bucketCount, digestBytes } from "./registers.ts";

/** A message is never longer. */
export const maxMessageBytes: number = 64 * 1024;
const format = 1;
const keyBytes = 8;
const fingerprintBytes = 2;
const kinds = { digest: 1, buckets: 2, entries: 3, haves: 4, wants: 5, records: 6 } as const;

export interface Entry extends Version {
  readonly key: string;
  /** Four hex digits. */
  readonly fingerprint: string;
}

/** A record on its way, with what its bearer says of it: to be believed only once it is opened. */
export interface Carried extends Version {
  readonly key: string;
  readonly ageSeconds: number;
  /** A view into the message. */
  readonly bytes: Uint8Array;
}

export type Section =
  | { readonly kind: "digest"; readonly root: Buffer }
  | { readonly kind: "buckets"; readonly digests: readonly Buffer[] }
  /** Everything the sender has in those buckets. */
  | { readonly kind: "entries"; readonly buckets: readonly number[]; readonly entries: readonly Entry[] }
  | { readonly kind: "haves"; readonly entries: readonly Entry[] }
  | { readonly kind: "wants"; readonly keys: readonly string[] }
  | { readonly kind: "records"; readonly records: readonly Carried[] };

export interface Message {
  readonly sections: readonly Section[];
  /** False: from some point on it could not be read. */
  readonly sound: boolean;
}

export function encodeMessage(sections: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([format]), ...sections]);
}

export function encodeDigest(root: Buffer): Buffer {
  return encodeSection("digest", [root]);
}

export function encodeBuckets(digests: readonly Buffer[]): Buffer {
  return encodeSection("buckets", digests);
}

/** `entries` as registers hold them. */
export function encodeEntries(buckets: readonly number[], entries: readonly Buffer[]): Buffer {
  const bitmap = Buffer.alloc(bucketCount / 8);
  for (const bucket of buckets) bitmap[bucket >> 3] = (bitmap[bucket >> 3] ?? 0) | (1 << (bucket & 7));
  return encodeSection("entries", [bitmap, ...entries]);
}

export function encodeHaves(entries: readonly Buffer[]): Buffer {
  return encodeSection("haves", entries);
}

export function encodeWants(keys: readonly string[]): Buffer {
  return encodeSection(
    "wants",
    keys.map((key) => Buffer.from(key, "hex")),
  );
}

export function encodeCarried({ key, boot, seq, ageSeconds, bytes }: Carried): Buffer {
  const head = [Buffer.from(key, "hex"), ...[boot, seq, ageSeconds, bytes.length].map(varint)];
  return Buffer.concat([...head, bytes]);
}

export function encodeRecords(carried: readonly Buffer[]): Buffer {
  return encodeSection("records", carried);
}

function encodeSection(kind: keyof typeof kinds, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([kinds[kind]]), varint(body.length), body]);
}

/** Reads as far as the message is sound; sections of a later version are passed over. */
export function decodeMessage(message: Uint8Array): Message {
  const sections: Section[] = [];
  if (message.length > maxMessageBytes || message[0] !== format) return { sections, sound: false };
  const cursor = new Cursor(message.subarray(1));
  try {
    while (!cursor.isAtEnd) {
      const [kind = 0] = cursor.take(1);
      const section = decodeSection(kind, new Cursor(cursor.take(cursor.varint())));
      if (section !== undefined) sections.push(section);
    }
    return { sections, sound: true };
  } catch (error) {
    if (error instanceof Truncated) return { sections, sound: false };
    throw error;
  }
}

function decodeSection(kind: number, body: Cursor): Section | undefined {
  switch (kind) {
    case kinds.digest:
      return { kind: "digest", root: body.take(digestBytes) };
    case kinds.buckets:
      return { kind: "buckets", digests: Array.from({ length: bucketCount }, () => body.take(digestBytes)) };
    case kinds.entries: {
      const bitmap = body.take(bucketCount / 8);
      const all = Array.from({ length: bucketCount }, (_, bucket) => bucket);
      const buckets = all.filter((bucket) => ((bitmap[bucket >> 3] ?? 0) >> (bucket & 7)) & 1);
      return { kind: "entries", buckets, entries: untilEnd(body, decodeEntry) };
    }
    case kinds.haves:
      return { kind: "haves", entries: untilEnd(body, decodeEntry) };
    case kinds.wants:
      return { kind: "wants", keys: untilEnd(body, (cursor) => cursor.take(keyBytes).toString("hex")) };
    case kinds.records:
      return { kind: "records", records: untilEnd(body, decodeCarried) };
    default:
      return undefined;
  }
}

function untilEnd<T>(cursor: Cursor, decode: (cursor: Cursor) => T): readonly T[] {
  const items: T[] = [];
  while (!cursor.isAtEnd) items.push(decode(cursor));
  return items;
}

function decodeEntry(cursor: Cursor): Entry {
  const key = cursor.take(keyBytes).toString("hex");
  const [boot, seq] = [cursor.varint(), cursor.varint()];
  return { key, boot, seq, fingerprint: cursor.take(fingerprintBytes).toString("hex") };
}

function decodeCarried(cursor: Cursor): Carried {
  const key = cursor.take(keyBytes).toString("hex");
  const [boot, seq, ageSeconds] = [cursor.varint(), cursor.varint(), cursor.varint()];
  return { key, boot, seq, ageSeconds, bytes: cursor.take(cursor.varint()) };
}
