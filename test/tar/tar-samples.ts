import type { TarEntry, TarLimits } from "../../src/tar/read.ts";
import { readTar } from "../../src/tar/read.ts";
import type { TarInput } from "../../src/tar/write.ts";
import { writeTar } from "../../src/tar/write.ts";

export interface ReadEntry extends Omit<TarEntry, "body"> {
  readonly text: string;
}

export const strict: TarLimits = { mode: "strict", maxTotalBytes: 1_000_000 };
export const collect: TarLimits = { mode: "collect", maxTotalBytes: 1_000_000 };

export async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function readAll(
  archive: Uint8Array,
  limits: TarLimits,
  pieceBytes = archive.length,
): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const { body, ...entry } of readTar(inPieces(archive, Math.max(1, pieceBytes)), limits)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
    entries.push({ ...entry, text: Buffer.concat(chunks).toString("latin1") });
  }
  return entries;
}

export function fileInput(path: string, text = "", mode = 0o644): TarInput {
  const bytes = Buffer.from(text, "latin1");
  return {
    path,
    kind: "file",
    bytes: bytes.length,
    mode,
    uid: 65532,
    gid: 65532,
    mtimeSeconds: 1_700_000_000,
    body: inPieces(bytes, 7),
  };
}

export function directoryInput(path: string): TarInput {
  return { path, kind: "directory", bytes: 0, mode: 0o755, uid: 65532, gid: 65532, mtimeSeconds: 1_700_000_000 };
}

export async function pack(inputs: Iterable<TarInput>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(inputs)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

export interface RawEntry {
  readonly name?: string | Buffer;
  readonly type?: string;
  readonly size?: string;
  readonly magic?: string;
  readonly mode?: string;
  readonly body?: Buffer;
}

/** One header and body as a hostile or foreign writer might make it; the checksum is right. */
export function rawEntry(entry: RawEntry): Buffer {
  const body = entry.body ?? Buffer.alloc(0);
  const block = Buffer.alloc(512);
  const name = typeof entry.name === "string" ? Buffer.from(entry.name) : (entry.name ?? Buffer.from("a"));
  name.copy(block, 0, 0, 100);
  block.write(entry.mode ?? "0000644\u0000", 100, "latin1");
  block.write(entry.size ?? `${body.length.toString(8).padStart(11, "0")}\u0000`, 124, "latin1");
  block.write("00000000000\u0000", 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write(entry.type ?? "0", 156, "latin1");
  block.write(entry.magic ?? "ustar\u000000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148, "latin1");
  return Buffer.concat([block, body, Buffer.alloc(-body.length & 511)]);
}

export function archiveOf(...entries: readonly Buffer[]): Buffer {
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}
