import type { InputEntry, InputRoot } from "../../resources/attempt.ts";
import { canonicalJson } from "../../resources/canonical.ts";
import { HomieError } from "../../resources/errors.ts";
import { collisionKey, unsafeNameReason } from "../../tar/names.ts";
import { FieldReader } from "../../trust/field-reader.ts";

const hex = { max: 64, pattern: /^[0-9a-f]{64}$/ };
const maxEntries = 100_000;
const maxChunks = 4_096;
const maxChunkBytes = 2 ** 20;
const maxTotalBytes = 2 ** 50;
const maxDateMs = 8.64e15;

/** What a root says of itself. Throws HomieError InputsRejected, as everything here does. */
export function checkRoot(root: InputRoot): void {
  const read = new FieldReader(root);
  const entries = read.whole("entries", 0, maxEntries);
  read.whole("bytes", 0, maxTotalBytes);
  const chunks = read.objects("chunks", maxChunks).map((chunk) => {
    chunk.whole("bytes", 1, maxChunkBytes);
    return chunk.text("sha256", hex);
  });
  read.check("chunks", new Set(chunks).size === chunks.length ? undefined : "names one chunk twice");
  const fits = chunks.length <= entries && (chunks.length > 0 || entries === 0);
  read.check("chunks", fits ? undefined : "are not as many as its entries need");
  if (read.problem !== undefined) throw rejected(read.problem);
}

/** Looks at a list chunk by chunk, in order; what it answers may be used only after `finish`. */
export class ListCheck {
  readonly #root: InputRoot;
  readonly #entries: InputEntry[] = [];
  readonly #directories = new Set<string>();
  readonly #folded = new Set<string>();
  /** Of every blob, the chunks among them: one content has one size. */
  readonly #sizes: Map<string, number>;
  #bytes = 0;
  #last = "";

  constructor(root: InputRoot) {
    this.#root = root;
    this.#sizes = new Map(root.chunks.map(({ sha256, bytes }) => [sha256, bytes]));
  }

  add(chunk: Uint8Array): void {
    const entries = parseChunk(chunk);
    if (this.#entries.length + entries.length > this.#root.entries) throw rejected("there are more than it says");
    for (const entry of entries) {
      this.#checkPlace(entry);
      this.#checkContent(entry);
      this.#entries.push(entry);
    }
  }

  finish(): readonly InputEntry[] {
    if (this.#entries.length !== this.#root.entries) throw rejected("there are fewer than it says");
    if (this.#bytes !== this.#root.bytes) throw rejected("they are not as many bytes as it says");
    return this.#entries;
  }

  #checkPlace({ path, kind }: InputEntry): void {
    if (path <= this.#last) throw rejected(`${quote(path)} is out of order or twice`);
    this.#last = path;
    const slash = path.lastIndexOf("/");
    if (slash > 0 && !this.#directories.has(path.slice(0, slash)))
      throw rejected(`${quote(path)} lies in no directory of the list`);
    const key = collisionKey(path);
    if (this.#folded.has(key)) throw rejected(`${quote(path)} and another path are one file on some machines`);
    this.#folded.add(key);
    if (kind === "directory") this.#directories.add(path);
  }

  #checkContent({ path, bytes, sha256 }: InputEntry): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#root.bytes) throw rejected("they are more bytes than it says");
    if (sha256 === undefined) return;
    if ((this.#sizes.get(sha256) ?? bytes) !== bytes) throw rejected(`${quote(path)} has a content of another size`);
    this.#sizes.set(sha256, bytes);
  }
}

/** Exactly what `packInputs` writes; one spelling, so that equal lists are equal bytes. */
function parseChunk(chunk: Uint8Array): readonly InputEntry[] {
  const { text, value } = decode(chunk);
  if (!Array.isArray(value) || value.length === 0) throw rejected("a chunk is no list");
  const entries = value.map(readEntry);
  if (canonicalJson(entries) !== text) throw rejected("a chunk has more in it than entries");
  return entries;
}

function decode(chunk: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(chunk);
    return { text, value: JSON.parse(text) };
  } catch (error) {
    throw rejected("a chunk is no JSON", error);
  }
}

function readEntry(value: unknown): InputEntry {
  const read = new FieldReader(value, "an entry");
  const path = read.text("path", { max: 1_024 });
  const kind = read.oneOf("kind", ["file", "directory"]);
  const bytes = read.whole("bytes", 0, maxTotalBytes);
  const executable = read.flag("executable");
  const mtimeMs = read.whole("mtimeMs", 0, maxDateMs);
  if (kind === "directory") {
    read.check("kind", bytes === 0 && !executable ? undefined : "has what only files have");
    return sound(read, { path, kind, bytes, executable, mtimeMs });
  }
  return sound(read, { path, kind, bytes, executable, mtimeMs, sha256: read.text("sha256", hex) });
}

function sound(read: FieldReader, entry: InputEntry): InputEntry {
  if (read.problem !== undefined) throw rejected(read.problem);
  const reason = unsafeNameReason(entry.path);
  if (reason !== undefined) throw rejected(`${quote(entry.path)}: ${reason}`);
  return entry;
}

/** For a person's eyes: short, and without what a terminal would act on. */
function quote(path: string): string {
  const short = Array.from(path).slice(0, 80).join("");
  return JSON.stringify(short).replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "?");
}

function rejected(rule: string, cause?: unknown): HomieError {
  return new HomieError("InputsRejected", `the list of input files is refused: ${rule}`, { cause });
}
