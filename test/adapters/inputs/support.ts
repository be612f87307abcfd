import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeRecordHead } from "../../../src/adapters/inputs/blob-record.ts";
import type { WantedBlob } from "../../../src/adapters/inputs/blob-record.ts";
import type { InputStore } from "../../../src/adapters/inputs/input-store.ts";
import { sendBlobs } from "../../../src/adapters/inputs/pack-inputs.ts";
import type { PackedInputs } from "../../../src/adapters/inputs/pack-inputs.ts";
import type { InputEntry, InputRoot } from "../../../src/resources/attempt.ts";
import { canonicalJson } from "../../../src/resources/canonical.ts";

export const signal: AbortSignal = new AbortController().signal;
export const plenty = { maxBytes: 2 ** 40, signal } as const;

export function putFiles(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** Asks and sends until nothing is missing; answers how many bytes went each way. */
export async function bringOver(packed: PackedInputs, store: InputStore): Promise<{ sent: number; answered: number }> {
  let sent = 0;
  let answered = 0;
  for (;;) {
    const wanted = await store.wanted(packed.root);
    answered += JSON.stringify(wanted).length;
    if (wanted.complete) return { sent, answered };
    const counted = (async function* () {
      for await (const piece of sendBlobs(packed, wanted.blobs, signal)) {
        sent += piece.length;
        yield piece;
      }
    })();
    await store.receive(packed.root, counted, plenty);
  }
}

/** As if all of it had been brought over, without waiting for the disk ten thousand times. */
export async function seedStore(packed: PackedInputs, blobs: string): Promise<void> {
  for (let byte = 0; byte < 256; byte++)
    mkdirSync(join(blobs, byte.toString(16).padStart(2, "0")), { recursive: true });
  for (const chunk of packed.root.chunks) {
    const list = await readAll(packed, chunk.sha256);
    writeFileSync(join(blobs, chunk.sha256.slice(0, 2), chunk.sha256), list);
    for (const { sha256 } of JSON.parse(list.toString()) as readonly InputEntry[]) {
      if (sha256 === undefined) continue;
      writeFileSync(join(blobs, sha256.slice(0, 2), sha256), await readAll(packed, sha256));
    }
  }
}

async function readAll(packed: PackedInputs, sha256: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(packed.readBlob(sha256, 0)));
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

export function fileEntry(path: string, content: string): InputEntry {
  const bytes = Buffer.byteLength(content);
  return { path, kind: "file", bytes, executable: false, mtimeMs: 0, sha256: sha256(content) };
}

export function directoryEntry(path: string): InputEntry {
  return { path, kind: "directory", bytes: 0, executable: false, mtimeMs: 0 };
}

export interface OfferedList {
  readonly root: InputRoot;
  readonly blobs: readonly (string | Buffer)[];
}

/** A root over chunks given as entries or as text, with whatever it should say of itself instead. */
export function offerList(chunks: readonly (readonly unknown[] | string | Buffer)[], claims: object = {}): OfferedList {
  const blobs = chunks.map((chunk) => (Array.isArray(chunk) ? canonicalJson(chunk) : (chunk as string | Buffer)));
  const entries = chunks.flatMap((chunk) => (Array.isArray(chunk) ? (chunk as readonly InputEntry[]) : []));
  const root = {
    entries: entries.length,
    bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
    chunks: blobs.map((blob) => ({ sha256: sha256(blob), bytes: Buffer.byteLength(blob) })),
    ...claims,
  };
  return { root, blobs };
}

export function record(
  content: string | Uint8Array,
  head: Partial<WantedBlob & { offset: number; length: number }> = {},
) {
  const bytes = Buffer.from(content);
  return Buffer.concat([
    encodeRecordHead({ sha256: sha256(content), offset: 0, length: bytes.length, ...head }),
    bytes,
  ]);
}

export async function* streamOf(...pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces;
}

/** Every file below a store. */
export function filesBelow(root: string): readonly string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => lstatSync(join(root, name)).isFile())
    .toSorted();
}
