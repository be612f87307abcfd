import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { ImageFacts } from "../../resources/attempt.ts";
import { writeTar } from "../../tar/write.ts";
import type { TarInput } from "../../tar/write.ts";
import type { Engine } from "./connect.ts";
import { engineMessage, translateEngineError } from "./engine-error.ts";
import { describeImage, hexOf, isSameList, rejected } from "./image-content.ts";
import type { Images } from "./image.ts";
import { readJsonLines } from "./json-lines.ts";

export interface LoadedLayer {
  readonly diffId: string;
  readonly path: string;
  readonly bytes: number;
}

export interface LoadParts {
  readonly engine: Engine;
  readonly images: Pick<Images, "find">;
}

/**
 * `docker load` of an archive made here, never by a peer: it names no tag, so no tag of this machine can move. Layers
 * that the engine has on top of the same layers are left out; it looks for a file only where it has none (moby
 * `image/tarexport/load.go`). Throws ImageRejected when the engine makes something else of it.
 */
export async function loadImage(
  { engine, images }: LoadParts,
  image: ImageFacts,
  content: { readonly config: Uint8Array; readonly layers: readonly LoadedLayer[] },
  signal: AbortSignal,
): Promise<void> {
  const archive = Readable.from(writeTar(archiveEntries(image, content)), { objectMode: false });
  try {
    const answer = await engine.docker().loadImage(archive, { quiet: true, abortSignal: signal });
    for await (const line of readJsonLines(answer as AsyncIterable<Buffer>)) {
      const { error } = line as { readonly error?: unknown };
      if (error !== undefined) throw rejected(`the engine cannot load it: ${engineMessage(error)}`);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw translateEngineError(error, "ImageRejected", "the engine cannot load the image from another machine");
  } finally {
    archive.destroy();
  }
  await checkLoaded({ engine, images }, image);
}

function* archiveEntries(
  image: ImageFacts,
  { config, layers }: { readonly config: Uint8Array; readonly layers: readonly LoadedLayer[] },
): Iterable<TarInput> {
  const nameOf = (diffId: string): string => `${hexOf(diffId)}.tar`;
  yield inMemory("config.json", config);
  for (const { diffId, path, bytes } of layers) {
    yield { ...fileFacts, path: nameOf(diffId), bytes, body: readLate(path) };
  }
  const manifest = [{ Config: "config.json", RepoTags: null, Layers: image.layers.map(nameOf) }];
  yield inMemory("manifest.json", Buffer.from(JSON.stringify(manifest)));
}

/** Opened when its turn comes: a stream that is open already and never read would stay open. */
async function* readLate(path: string): AsyncIterable<Uint8Array> {
  yield* createReadStream(path);
}

const fileFacts = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 } as const;

function inMemory(path: string, content: Uint8Array): TarInput {
  return { ...fileFacts, path, bytes: content.length, body: Readable.from([content]) };
}

/** The engine reads the configuration with other eyes (Go takes "RootFS" for "rootfs"); what it made of it counts. */
async function checkLoaded({ engine, images }: LoadParts, image: ImageFacts): Promise<void> {
  const found = await images.find(image.imageId);
  if (found?.Id !== image.imageId) throw rejected("the engine loaded it under another id");
  const { layers, platform } = describeImage(found);
  if (isSameList(layers, image.layers) && platform === image.platform) return;
  try {
    await engine.docker().getImage(image.imageId).remove();
  } catch (error) {
    throw translateEngineError(error, "ImageRejected", "cannot remove an image that is not what it was said to be");
  }
  throw rejected("the engine reads another image in it");
}
