import { HomieError } from "../resources/errors.ts";
import { blockBytes, encodeHeader, maxOctalBytes } from "./header.ts";
import { encodePax } from "./pax.ts";

export interface TarInput {
  /** Relative, forward slashes, without a trailing slash. */
  readonly path: string;
  readonly kind: "file" | "directory";
  /** Exact length of `body`; 0 for a directory. */
  readonly bytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** Absent: an empty file or a directory. Read only when its turn comes. */
  readonly body?: AsyncIterable<Uint8Array>;
}

/** Small pieces are gathered up to this much, so that ten thousand small files are not twenty thousand writes. */
const gatherBytes = 64 * 1024;

/**
 * ustar, with a pax header where a path or a size does not fit. Throws TarRejected when a body is shorter or longer
 * than it said: the header is out by then, so the archive cannot be mended.
 */
export async function* writeTar(entries: AsyncIterable<TarInput> | Iterable<TarInput>): AsyncIterable<Uint8Array> {
  const gathered = new Gatherer();
  for await (const entry of entries) {
    yield* gathered.add(encodeEntryHeader(entry));
    yield* writeBody(entry, gathered);
  }
  yield* gathered.add(Buffer.alloc(2 * blockBytes));
  yield* gathered.rest();
}

async function* writeBody(entry: TarInput, gathered: Gatherer): AsyncIterable<Uint8Array> {
  let written = 0;
  if (entry.body !== undefined) {
    for await (const chunk of entry.body) {
      written += chunk.length;
      if (written > entry.bytes) break;
      yield* gathered.add(chunk);
    }
  }
  if (written !== entry.bytes) {
    const relation = written > entry.bytes ? "longer" : "shorter";
    throw new HomieError(
      "TarRejected",
      `the body of ${JSON.stringify(entry.path)} is ${relation} than ${entry.bytes} bytes`,
    );
  }
  const padding = -written & (blockBytes - 1);
  if (padding > 0) yield* gathered.add(Buffer.alloc(padding));
}

class Gatherer {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  *add(piece: Uint8Array): Iterable<Uint8Array> {
    if (piece.length === 0) return;
    if (this.#bytes + piece.length > gatherBytes) yield* this.rest();
    if (piece.length >= gatherBytes / 2) {
      yield* this.rest();
      yield piece;
      return;
    }
    // A copy, because the producer may reuse its buffer before the piece is written.
    this.#pieces.push(Uint8Array.from(piece));
    this.#bytes += piece.length;
  }

  *rest(): Iterable<Uint8Array> {
    if (this.#bytes === 0) return;
    const whole = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    yield whole;
  }
}

function encodeEntryHeader(entry: TarInput): Buffer {
  checkInput(entry);
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const place = placeName(path);
  const pax: Record<string, string> = {};
  if (place === undefined) pax["path"] = path;
  if (entry.bytes > maxOctalBytes) pax["size"] = String(entry.bytes);
  const fields = {
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    mtimeSeconds: Math.min(Math.max(0, Math.floor(entry.mtimeSeconds)), maxOctalBytes),
  };
  const header = encodeHeader({
    ...fields,
    ...(place ?? { name: shortName(path), prefix: "" }),
    bytes: entry.bytes > maxOctalBytes ? 0 : entry.bytes,
    type: entry.kind === "directory" ? "5" : "0",
  });
  if (Object.keys(pax).length === 0) return header;
  const records = encodePax(pax);
  const paxHeader = encodeHeader({ ...fields, name: "PaxHeaders/entry", prefix: "", bytes: records.length, type: "x" });
  return Buffer.concat([paxHeader, records, Buffer.alloc(-records.length & (blockBytes - 1)), header]);
}

function checkInput(entry: TarInput): void {
  if (entry.path === "" || entry.path.includes("\u0000") || !entry.path.isWellFormed()) {
    throw new HomieError("TarRejected", `the name ${JSON.stringify(entry.path)} cannot be put in an archive`);
  }
  if (!Number.isSafeInteger(entry.bytes) || entry.bytes < 0 || (entry.kind === "directory" && entry.bytes !== 0)) {
    throw new HomieError("TarRejected", `${JSON.stringify(entry.path)} cannot have ${entry.bytes} bytes`);
  }
}

/** ASCII of at most 100 bytes, or split at a slash into a prefix of at most 155 and a name of at most 100. */
function placeName(path: string): { readonly name: string; readonly prefix: string } | undefined {
  if (!/^[\u0020-\u007e]*$/.test(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: "" };
  const slash = path.indexOf("/", path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

/** What readers without pax see; a slash at the cut would turn a file into a directory for them. */
function shortName(path: string): string {
  const short = Array.from(path, (char) => (/^[\u0020-\u007e]$/.test(char) ? char : "?"))
    .join("")
    .slice(0, 100);
  return path.endsWith("/") ? short : short.replace(/\/+$/, "");
}
