import { createHash } from "node:crypto";
import { maxStatementBytes } from "./statement.ts";

/** What two members tell each other about their network on a link. */
export type MembershipWord =
  | { readonly kind: "statements"; readonly statements: readonly Uint8Array[] }
  /** All that the sender has: first 16 bytes of each id, base64url. */
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  /** Of all ids; equal when both have the same. */
  | { readonly kind: "digest"; readonly digest: string }
  /** A group secret and which one it is. */
  | { readonly kind: "secret"; readonly number: number; readonly secret: string };

const kinds = { statements: 1, ids: 2, digest: 3, secret: 4 } as const;
const idBytes = 16;
const digestBytes = 16;
/** A statement takes two signature checks; so many cost a peer well under half a second. */
export const maxStatements = 2_000;
/** One word: room for about 150 statements. */
const maxWordBytes = 64 * 1024;
const maxSecretBytes = 1_024;
const maxNumber = 2 ** 48 - 1;

/** The short form of a statement's id. */
export function shortId(id: string): string {
  return Buffer.from(id, "base64url").subarray(0, idBytes).toString("base64url");
}

export function digestOf(ids: readonly string[]): string {
  const hash = createHash("sha256").update("homie/statements/1\0");
  for (const id of ids.map(shortId).toSorted()) hash.update(id);
  return hash.digest().subarray(0, digestBytes).toString("base64url");
}

/** kind u8, then: statements each with their length u16; ids of 16 bytes; a digest of 16 bytes; or number u48 and secret. */
export function encodeWords(word: MembershipWord): readonly Buffer[] {
  switch (word.kind) {
    case "statements":
      return inWords(word.statements.map(withLength));
    case "ids":
      return [withKind("ids", ...word.ids.slice(0, maxStatements).map((id) => Buffer.from(shortId(id), "base64url")))];
    case "digest":
      return [withKind("digest", Buffer.from(word.digest, "base64url"))];
    case "secret": {
      const number = Buffer.alloc(6);
      number.writeUIntBE(word.number, 0, 6);
      return [withKind("secret", number, Buffer.from(word.secret))];
    }
  }
}

/** Undefined for what is none, or one of a later version. */
export function decodeWord(bytes: Uint8Array): MembershipWord | undefined {
  if (bytes.length === 0 || bytes.length > maxWordBytes) return undefined;
  const [kind, body] = [bytes[0], Buffer.from(bytes.subarray(1))];
  switch (kind) {
    case kinds.statements:
      return readStatements(body);
    case kinds.ids:
      return readIds(body);
    case kinds.digest:
      return body.length === digestBytes ? { kind: "digest", digest: body.toString("base64url") } : undefined;
    case kinds.secret:
      return readSecret(body);
    default:
      return undefined;
  }
}

/** Those of `own` that whoever has `theirs` lacks. */
export function lackingFrom(theirs: readonly string[], own: readonly string[]): readonly string[] {
  const known = new Set(theirs);
  return own.filter((id) => !known.has(shortId(id)));
}

function inWords(parts: readonly Buffer[]): readonly Buffer[] {
  const words: Buffer[][] = [];
  let left = 0;
  for (const part of parts) {
    if (part.length > left) {
      words.push([]);
      left = maxWordBytes - 1;
    }
    words.at(-1)?.push(part);
    left -= part.length;
  }
  return words.map((each) => withKind("statements", ...each));
}

function withKind(kind: keyof typeof kinds, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([kinds[kind]]), ...parts]);
}

function withLength(statement: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(statement.length, 0);
  return Buffer.concat([length, statement]);
}

function readStatements(body: Buffer): MembershipWord | undefined {
  const statements: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    if (at + 2 > body.length) return undefined;
    const length = body.readUInt16BE(at);
    const end = at + 2 + length;
    if (length === 0 || length > maxStatementBytes || end > body.length) return undefined;
    // A copy: a statement stays for long, the frame around it must not.
    statements.push(Uint8Array.from(body.subarray(at + 2, end)));
    at = end;
  }
  return { kind: "statements", statements };
}

function readIds(body: Buffer): MembershipWord | undefined {
  if (body.length % idBytes !== 0 || body.length > maxStatements * idBytes) return undefined;
  const count = body.length / idBytes;
  const ids = Array.from({ length: count }, (_, index) =>
    body.subarray(index * idBytes, (index + 1) * idBytes).toString("base64url"),
  );
  return { kind: "ids", ids };
}

function readSecret(body: Buffer): MembershipWord | undefined {
  if (body.length <= 6 || body.length > 6 + maxSecretBytes) return undefined;
  const [number, secret] = [body.readUIntBE(0, 6), body.subarray(6).toString()];
  return number <= maxNumber && /^[^\p{C}]+$/u.test(secret) ? { kind: "secret", number, secret } : undefined;
}
