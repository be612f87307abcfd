import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../reconciler/types.ts";
import type { ImageFacts } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { readTar } from "../../tar/read.ts";
import type { TarEntry } from "../../tar/read.ts";
import type { MissingLayer } from "../peers/image-port.ts";
import { untilAborted } from "./aborting.ts";
import type { Engine } from "./connect.ts";
import { translateEngineError } from "./engine-error.ts";
import { checkImage, maxConfigBytes } from "./image-content.ts";
import { encodePartHeader, streamHead, waitingPart } from "./image-part.ts";
import type { ImageSpool, SpoolFolder } from "./image-spool.ts";
import type { OneAtATime } from "./one-at-a-time.ts";
import { savedLayerNames } from "./saved-layer-names.ts";

export interface ExportParts {
  readonly engine: Engine;
  readonly spool: ImageSpool;
  readonly turns: OneAtATime;
  readonly clock: Clock;
}

const readBytes = 256 * 1024;
/** A save of some GB takes minutes; a connection on which nothing moves for half of one is given up. */
const waitingMs = 5_000;

/**
 * The configuration and the missing layers. `docker save` writes everything, in an order of its own, and cannot begin in
 * the middle: what is wanted of it is kept for a while, so that a cut, or the next peer, does not cost another save.
 */
export async function* exportImage(
  { engine, spool, turns, clock }: ExportParts,
  image: ImageFacts,
  missing: readonly MissingLayer[],
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const layers = wantedLayers(image, missing);
  const folder = await spool.hold(image.imageId);
  // Whoever stops reading while it is saved stops the save.
  const abandoned = new AbortController();
  try {
    const wanted = [image.imageId, ...layers.map(({ diffId }) => diffId)];
    yield streamHead;
    const filling = { engine, spool, folder, image, signal: AbortSignal.any([signal, abandoned.signal]) };
    const filled = turns.run(image.imageId, () => fill(wanted, filling));
    yield* waitingParts(filled, clock);
    const config = await readFile(folder.path(image.imageId));
    yield encodePartHeader({ digest: image.imageId, offset: 0, bytes: config.length });
    yield config;
    for (const { diffId, have } of layers) {
      const size = (await spool.size(image.imageId, diffId)) ?? 0;
      // More than there is can only be of something else, so it starts again.
      const offset = have <= size ? have : 0;
      yield encodePartHeader({ digest: diffId, offset, bytes: size - offset });
      if (offset < size)
        yield* createReadStream(folder.path(diffId), { start: offset, highWaterMark: readBytes, signal });
    }
  } finally {
    abandoned.abort();
    await folder.release();
  }
}

/** Ends when `work` does, and as it does. */
async function* waitingParts(work: Promise<void>, clock: Clock): AsyncIterable<Uint8Array> {
  const ended = new AbortController();
  const outcome = work.finally(() => ended.abort());
  // Awaited at the end; until then a failure must not count as one that nobody sees.
  outcome.catch(() => undefined);
  while (!ended.signal.aborted) {
    await clock.sleep(waitingMs, ended.signal);
    if (!ended.signal.aborted) yield waitingPart;
  }
  await outcome;
}

/** The configuration always travels. Throws PeerRefused when the peer asks for what is not of this image. */
function wantedLayers(image: ImageFacts, missing: readonly MissingLayer[]): readonly MissingLayer[] {
  checkImage(image);
  const known = new Set(image.layers);
  const asked = new Set<string>();
  for (const { diffId, have } of missing) {
    const isOfImage = diffId === image.imageId || known.has(diffId);
    if (!isOfImage || asked.has(diffId) || !Number.isSafeInteger(have) || have < 0)
      throw new HomieError("PeerRefused", "the other machine asks for layers that this image does not have");
    asked.add(diffId);
  }
  return missing.filter(({ diffId }) => diffId !== image.imageId);
}

interface Filling extends Pick<ExportParts, "engine" | "spool"> {
  readonly folder: SpoolFolder;
  readonly image: ImageFacts;
  readonly signal: AbortSignal;
}

async function fill(wanted: readonly string[], filling: Filling): Promise<void> {
  const { engine, spool, image, signal } = filling;
  signal.throwIfAborted();
  const absent = new Set<string>();
  for (const digest of wanted) if ((await spool.size(image.imageId, digest)) === undefined) absent.add(digest);
  if (absent.size === 0) return;
  try {
    const saved = (await engine.docker().getImage(image.imageId).get()) as NodeJS.ReadableStream &
      AsyncIterable<Buffer>;
    const limits = { mode: "collect", maxTotalBytes: Number.MAX_SAFE_INTEGER } as const;
    const names = savedLayerNames(image.layers);
    for await (const entry of readTar(untilAborted(saved, signal), limits)) {
      if (entry.kind === "file" && isWorthReading(entry, names, absent)) await take(entry, absent, filling);
      if (absent.size === 0) return;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw translateEngineError(error, "ImageMissing", `cannot save the image ${image.imageId}`);
  }
  throw new HomieError("ImageMissing", `the engine does not give out the image ${image.imageId} by its content`, {
    hint: "Docker's containerd image store packs layers again; use the overlay2 storage driver, or a registry",
  });
}

/** Named by digest since Engine 25 and by podman; by another id before; unknown names are looked into. */
function isWorthReading(
  { path, bytes }: TarEntry,
  names: ReadonlyMap<string, string>,
  absent: ReadonlySet<string>,
): boolean {
  const config = /^([0-9a-f]{64})\.json$/.exec(path)?.[1];
  if (config !== undefined) return absent.has(`sha256:${config}`) && bytes <= maxConfigBytes;
  const digest = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.tar)?$/.exec(path)?.[1];
  if (digest !== undefined) return absent.has(`sha256:${digest}`);
  const legacy = /^([0-9a-f]{64})\/layer\.tar$/.exec(path)?.[1];
  if (legacy === undefined) return false;
  const known = names.get(legacy);
  return known === undefined || absent.has(known);
}

/** What a file is, only its bytes say. */
async function take(entry: TarEntry, absent: Set<string>, { folder }: Filling): Promise<void> {
  const file = await folder.open(undefined, 0);
  let digest: string | undefined;
  try {
    for await (const piece of entry.body) await file.write(piece);
    digest = file.digest();
  } finally {
    await file.close();
    const isWanted = digest !== undefined && absent.delete(digest);
    await folder.settle(file, isWanted ? digest : undefined);
  }
}
