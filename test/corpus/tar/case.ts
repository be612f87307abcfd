import { encodePax } from "../../../src/tar/pax.ts";
import { archiveOf, rawEntry } from "../../tar/tar-samples.ts";

/** What the one reader makes of an archive, and what reaches the disk when it is what a program left behind. */
export interface TarCase {
  readonly id: `T-${string}`;
  readonly title: string;
  readonly archive: () => Buffer;
  /** For sources on their way to an executor. */
  readonly strict: RegExp | "accepted";
  /** For outputs on their way home: refused as a whole, or these files (besides "good") are kept. */
  readonly collected: RegExp | readonly string[];
}

export const body = (text: string): Buffer => Buffer.from(text);
export const file = (name: string | Buffer, text = "x"): Buffer => rawEntry({ name, body: body(text) });
export const directory = (name: string): Buffer => rawEntry({ name, type: "5" });
export const pax = (records: Readonly<Record<string, string>>): Buffer =>
  rawEntry({ name: "PaxHeaders/x", type: "x", body: encodePax(records) });
export const longName = (name: string | Buffer): Buffer =>
  rawEntry({
    name: "././@LongLink",
    type: "L",
    magic: "ustar  \u0000",
    body: Buffer.concat([Buffer.from(name), Buffer.alloc(1)]),
  });
/** A name of any length, the way pax writers say it. */
export const named = (name: string, text = "x"): Buffer =>
  Buffer.concat([pax({ path: name }), file(Buffer.from(name).subarray(0, 100), text)]);

/** An archive with an honest file at its end, so that it shows what becomes of the rest. */
const withGood =
  (...entries: readonly Buffer[]): (() => Buffer) =>
  (): Buffer =>
    archiveOf(...entries, file("good", "kept"));

/** One entry that must not be written: sources are refused, outputs go on without it. */
export function skipped(
  id: TarCase["id"],
  title: string,
  entries: Buffer | readonly Buffer[],
  reason: RegExp,
): TarCase {
  return { id, title, archive: withGood(...[entries].flat()), strict: reason, collected: [] };
}

/** An archive that lies: nobody takes it. */
export function lie(id: TarCase["id"], title: string, archive: () => Buffer, reason: RegExp): TarCase {
  return { id, title, archive, strict: reason, collected: reason };
}

export function kept(id: TarCase["id"], title: string, entries: readonly Buffer[], paths: readonly string[]): TarCase {
  return { id, title, archive: withGood(...entries), strict: "accepted", collected: paths };
}
