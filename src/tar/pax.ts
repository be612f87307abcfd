import { showValue } from "../resources/show-value.ts";
import { rejected } from "./rejected.ts";

/** What of a pax header (POSIX.1-2001) changes how the next entry is read; all other keys are ignored. */
export interface PaxOverrides {
  readonly path?: Buffer;
  readonly bytes?: number;
  readonly hasLinkPath: boolean;
}

/** Records are `LENGTH KEY=VALUE\n`, LENGTH counting the whole record. Throws TarRejected. */
export function parsePax(body: Buffer, entry: string): PaxOverrides {
  const records = new Map<string, Buffer>();
  for (const { key, value } of paxRecords(body, entry)) {
    if (records.has(key)) throw rejected(entry, `the pax record ${showValue(key)} is there twice`);
    if (key.startsWith("GNU.sparse.")) throw rejected(entry, "sparse files are not accepted");
    if (meaningful.has(key) && value.includes(0)) throw rejected(entry, `the pax record ${showValue(key)} holds a NUL`);
    records.set(key, value);
  }
  const path = records.get("path");
  const size = records.get("size");
  return {
    ...(path === undefined ? {} : { path }),
    ...(size === undefined ? {} : { bytes: parseSize(size, entry) }),
    hasLinkPath: records.has("linkpath"),
  };
}

const meaningful: ReadonlySet<string> = new Set(["path", "linkpath", "size"]);

function* paxRecords(body: Buffer, entry: string): Iterable<{ readonly key: string; readonly value: Buffer }> {
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const digits = space < 0 ? "" : body.toString("latin1", at, space);
    const end = at + Number(digits);
    if (!/^[1-9][0-9]{0,6}$/.test(digits) || end > body.length || end <= space + 2 || body[end - 1] !== 0x0a) {
      throw rejected(entry, "a pax record has a wrong length");
    }
    const equals = body.indexOf(0x3d, space);
    if (equals <= space + 1 || equals >= end) throw rejected(entry, "a pax record has no key");
    const key = body.toString("utf8", space + 1, equals);
    if (key.includes("\u0000")) throw rejected(entry, "a pax key holds a NUL");
    yield { key, value: body.subarray(equals + 1, end - 1) };
    at = end;
  }
}

function parseSize(value: Buffer, entry: string): number {
  const digits = value.toString("latin1");
  const size = Number(digits);
  if (!/^[0-9]{1,16}$/.test(digits) || !Number.isSafeInteger(size)) throw rejected(entry, "the pax size is not a size");
  return size;
}

export function encodePax(records: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => encodeRecord(key, value)));
}

function encodeRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  // The length counts its own digits, so adding them can add one more.
  let length = rest.length + String(rest.length).length;
  if (String(length).length + rest.length !== length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/**
 * Whether the short name in the header is what a writer makes of the long one: cut off at 100 bytes, with characters
 * beyond ASCII dropped (Go), replaced by "?" (Python) or kept (GNU). Two programs must not see two different files.
 */
export function namesAgree(short: Buffer, long: Buffer): boolean {
  const plainShort = asciiOnly(short);
  const plainLong = asciiOnly(long);
  if (plainShort === plainLong) return true;
  // Go drops a slash at the cut, so a cut name can be a little shorter than the field.
  return short.length >= 98 && plainLong.startsWith(plainShort);
}

function asciiOnly(name: Buffer): string {
  let text = "";
  for (const byte of name) if (byte < 0x80 && byte !== 0x3f) text += String.fromCharCode(byte);
  return text.replace(/\/+$/, "");
}
