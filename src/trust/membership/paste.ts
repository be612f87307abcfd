import { createHash } from "node:crypto";
import { HomieError } from "../../resources/errors.ts";

/** A thing people copy through chats: `hj1_` join request, `hm1_` invite. */
export interface PasteKind {
  readonly prefix: "hj1_" | "hm1_";
  /** What to call it. */
  readonly noun: string;
  /** What to do when it does not read. */
  readonly hint: string;
}

const lengthBytes = 2;
const checksumBytes = 4;
export const maxPasteBytes: number = 16 * 1024;
const maxLetters = Math.ceil(((lengthBytes + maxPasteBytes + checksumBytes) * 4) / 3);
/** With line breaks and quoting a chat may add; more than this is looked at by nobody. */
const maxText = 2 * maxLetters;

/** prefix || base64url(length u16 || body || first 4 bytes of sha256("homie/paste/1" \0 prefix length body)), without padding. */
export function encodePaste({ prefix }: PasteKind, body: Uint8Array): string {
  if (body.length > maxPasteBytes) throw new RangeError(`a paste holds at most ${maxPasteBytes} bytes`);
  const framed = Buffer.concat([Buffer.from([body.length >> 8, body.length & 0xff]), body]);
  return prefix + Buffer.concat([framed, checksum(prefix, framed)]).toString("base64url");
}

/** The body. Throws InviteRejected that tells cut, mistyped and foreign text apart; nothing here says who made it. */
export function decodePaste(kind: PasteKind, text: string): Buffer {
  if (text.length > maxText) throw rejected(kind, `is too long: ${text.length} characters`);
  const letters = lettersOf(kind, text.replaceAll(/[ \t\r\n]/g, ""));
  const needed = lettersNeeded(letters);
  if (needed === undefined || letters.length < needed) {
    const of = needed === undefined ? "" : ` of ${needed + kind.prefix.length}`;
    throw rejected(kind, `was cut: got ${letters.length + kind.prefix.length}${of} characters`);
  }
  if (letters.length > needed) throw rejected(kind, `has ${letters.length - needed} characters too many`);
  const bytes = Buffer.from(letters, "base64url");
  // One text for one thing: unused bits of the last letter are zero.
  if (bytes.toString("base64url") !== letters) throw mistyped(kind);
  const framed = bytes.subarray(0, -checksumBytes);
  if (!checksum(kind.prefix, framed).equals(bytes.subarray(-checksumBytes))) throw mistyped(kind);
  return framed.subarray(lengthBytes);
}

function lettersOf(kind: PasteKind, packed: string): string {
  const letters = packed.startsWith(kind.prefix) ? packed.slice(kind.prefix.length) : undefined;
  if (letters === undefined) throw rejected(kind, prefixProblem(kind, packed));
  const strange = /[^A-Za-z0-9_-]/u.exec(letters)?.[0];
  if (strange === undefined) return letters;
  const shown = /^[!-~]$/.test(strange) ? `"${strange}"` : "a character";
  const point = strange.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0") ?? "";
  throw rejected(kind, `has ${shown} (U+${point}) in it, which belongs to no ${kind.noun}`);
}

function prefixProblem({ prefix }: PasteKind, packed: string): string {
  const [, letter, version] = /^(h[jm])([0-9]{1,4})_/.exec(packed) ?? [];
  if (letter === undefined) return `is none: one starts with ${prefix}`;
  if (!prefix.startsWith(letter)) {
    return `is none, but ${letter === "hj" ? "a join request" : "an invite"}: what is asked for starts with ${prefix}`;
  }
  return `was made by ${Number(version) > 1 ? "a newer" : "another"} homie (version ${version})`;
}

/** From the length at its start; undefined when not even that is there. */
function lettersNeeded(letters: string): number | undefined {
  if (letters.length < 3) return undefined;
  const body = Buffer.from(letters.slice(0, 3), "base64url").readUInt16BE(0);
  return Math.ceil(((lengthBytes + body + checksumBytes) * 4) / 3);
}

function checksum(prefix: string, framed: Uint8Array): Buffer {
  return createHash("sha256").update(`homie/paste/1\0${prefix}`).update(framed).digest().subarray(0, checksumBytes);
}

function mistyped(kind: PasteKind): HomieError {
  return rejected(kind, "has a wrong character in it");
}

/** Only what was made on purpose comes this far: checksums are right by then. */
export function rejected(kind: PasteKind, problem: string, hint: string = kind.hint): HomieError {
  return new HomieError("InviteRejected", `the ${kind.noun} ${problem}`, { hint });
}
