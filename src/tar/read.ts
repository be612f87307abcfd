import { showValue } from "../resources/show-value.ts";
import { ByteSource } from "./byte-source.ts";
import { blockBytes, isZeroBlock, parseHeader } from "./header.ts";
import type { RawHeader } from "./header.ts";
import { describeEntry, noOverrides } from "./describe-entry.ts";
import type { DescribedEntry, Overrides } from "./describe-entry.ts";
import { ClaimedNames } from "./claimed-names.ts";
import { parsePax } from "./pax.ts";
import { overLimit, rejected } from "./rejected.ts";

export interface TarLimits {
  /**
   * `strict`: only files and directories with safe names; anything else throws. `collect`: links, devices and unsafe
   * names are yielded with a `reason` and no bytes worth keeping. Archives that lie throw in both.
   */
  readonly mode: "strict" | "collect";
  /** Sum of all file sizes; checked at each header, before the bytes. */
  readonly maxTotalBytes: number;
  /** Default 10,000. */
  readonly maxEntries?: number;
}

export interface TarEntry {
  /** Relative, forward slashes, no trailing slash. Unsafe to use as a path when `reason` is set. */
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "other";
  readonly bytes: number;
  /** 0644 or 0755; set-id bits and owners are never taken over. */
  readonly mode: number;
  readonly mtimeSeconds: number;
  /** Set on every `link` and `other`. */
  readonly reason?: string;
  /** To be read before the next entry is asked for; what is left of it is skipped then. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Headers that only describe the next one (pax records, GNU long names) may hold this much. */
const maxMetaBytes = 64 * 1024;
/** GNU tar pads to its blocking factor; more zeros than this are somebody wasting our time. */
const maxTrailingBytes = 1024 * 1024;

/** Yields entries in order; throws HomieError TarRejected (TooLarge at a limit) naming entry and rule. Plain tar only, no compression. */
export async function* readTar(chunks: AsyncIterable<Uint8Array>, limits: TarLimits): AsyncIterable<TarEntry> {
  const source = new ByteSource(chunks);
  const census = new Census(limits);
  try {
    for (;;) {
      const next = await readDescription(source, limits);
      if (next === undefined) break;
      if (next.isRoot) continue;
      const entry = census.admit(next);
      const body = new Body(source, entry.path, next.bytes);
      yield { ...entry, body };
      await body.skipRest();
    }
    await checkTrailer(source);
  } finally {
    await source.close();
  }
}

/** Reads metadata headers up to and including the next real one; undefined at the end blocks. */
async function readDescription(source: ByteSource, limits: TarLimits): Promise<DescribedEntry | undefined> {
  let overrides: Overrides = noOverrides;
  for (;;) {
    const block = await readBlock(source);
    if (isZeroBlock(block)) {
      if (overrides !== noOverrides) throw rejected("", "the archive ends after a metadata header");
      if (!isZeroBlock(await readBlock(source))) throw rejected("", "there is a single zero block inside the archive");
      return undefined;
    }
    const header = parseHeader(block);
    if (!"xLK".includes(header.type)) return describeEntry(header, overrides, limits.mode);
    overrides = addOverrides(overrides, header, await readMeta(source, header));
  }
}

async function readBlock(source: ByteSource): Promise<Buffer> {
  const block = await source.exactly(blockBytes);
  if (block.length < blockBytes) throw rejected("", "the archive ends without end blocks");
  return block;
}

async function readMeta(source: ByteSource, header: RawHeader): Promise<Buffer> {
  if (header.bytes > maxMetaBytes)
    throw rejected(header.name.toString(), `metadata is larger than ${maxMetaBytes} bytes`);
  const padded = await source.exactly(Math.ceil(header.bytes / blockBytes) * blockBytes);
  if (padded.length < header.bytes) throw rejected(header.name.toString(), "the archive is cut off in metadata");
  return padded.subarray(0, header.bytes);
}

function addOverrides(known: Overrides, header: RawHeader, body: Buffer): Overrides {
  const kind = header.type === "x" ? "pax" : header.type === "L" ? "longName" : "longLink";
  const shown = header.name.toString("latin1");
  if (known[kind] !== undefined) throw rejected(shown, "the same metadata header is there twice");
  if (kind === "pax") return { ...known, pax: parsePax(body, shown) };
  const end = body.indexOf(0);
  if (end >= 0 && end !== body.length - 1) throw rejected(shown, "a long name holds a NUL");
  return { ...known, [kind]: end < 0 ? body : body.subarray(0, end) };
}

async function checkTrailer(source: ByteSource): Promise<void> {
  for (let bytes = 0; ;) {
    const piece = await source.some(blockBytes);
    if (piece === undefined) return;
    bytes += piece.length;
    if (!isZeroBlock(piece)) throw rejected("", "there is something after the end of the archive");
    if (bytes > maxTrailingBytes) throw rejected("", "the padding after the end of the archive has no end");
  }
}

/** Counts, and remembers what is where, so that no entry can replace or hide another. */
class Census {
  readonly #limits: TarLimits;
  readonly #kinds = new Map<string, TarEntry["kind"]>();
  readonly #names = new ClaimedNames();
  #totalBytes = 0;

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  admit(entry: DescribedEntry): Omit<TarEntry, "body"> {
    const maxEntries = this.#limits.maxEntries ?? 10_000;
    if (this.#kinds.size >= maxEntries) throw overLimit(entry.path, `the archive has more than ${maxEntries} entries`);
    this.#totalBytes += entry.bytes;
    if (this.#totalBytes > this.#limits.maxTotalBytes) {
      throw overLimit(entry.path, `the files are larger than ${this.#limits.maxTotalBytes} bytes together`);
    }
    if (this.#kinds.has(entry.key)) throw rejected(entry.path, "the same path is there twice");
    this.#checkAncestors(entry.key, entry.path);
    this.#kinds.set(entry.key, entry.kind);
    const { bytes, kind, mode, mtimeSeconds, path } = entry;
    const reason = entry.reason ?? this.#collision(path, kind);
    if (reason === undefined) return { path, kind, bytes, mode, mtimeSeconds };
    if (this.#limits.mode === "strict") throw rejected(path, reason);
    return { path, kind: kind === "link" ? "link" : "other", bytes, mode, mtimeSeconds, reason };
  }

  #checkAncestors(key: string, path: string): void {
    for (let slash = key.indexOf("/"); slash > 0; slash = key.indexOf("/", slash + 1)) {
      const kind = this.#kinds.get(key.slice(0, slash));
      if (kind === "file" || kind === "link") throw rejected(path, `it lies below a ${kind}`);
    }
  }

  #collision(path: string, kind: TarEntry["kind"]): string | undefined {
    const other = this.#names.claim(path, kind === "file");
    if (other === undefined) return undefined;
    const isAbove = path.startsWith(`${other}/`) || path === other;
    if (isAbove) throw rejected(path, `it and ${showValue(other)} cannot both be there`);
    return `the name differs from ${showValue(other)} only in case or composition`;
  }
}

class Body implements AsyncIterable<Uint8Array> {
  readonly #source: ByteSource;
  readonly #path: string;
  readonly #padding: number;
  #left: number;

  constructor(source: ByteSource, path: string, bytes: number) {
    this.#source = source;
    this.#path = path;
    this.#left = bytes;
    this.#padding = -bytes & (blockBytes - 1);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) yield piece;
  }

  async skipRest(): Promise<void> {
    while ((await this.#next()) !== undefined);
    const padding = await this.#source.exactly(this.#padding);
    if (padding.length < this.#padding) throw rejected(this.#path, "the archive is cut off");
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#left === 0) return undefined;
    const piece = await this.#source.some(this.#left);
    if (piece === undefined) throw rejected(this.#path, "the archive is cut off");
    this.#left -= piece.length;
    return piece;
  }
}
