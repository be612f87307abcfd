import { join } from "node:path";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { ImageFacts } from "../../resources/attempt.ts";
import type { ImageShare, MissingLayer } from "../peers/image-port.ts";
import { orAborted } from "./aborting.ts";
import type { Engine } from "./connect.ts";
import { checkImage, describeImage } from "./image-content.ts";
import { exportImage } from "./image-export.ts";
import { importImage } from "./image-import.ts";
import type { ImportOptions } from "./image-import.ts";
import { createImageSpool } from "./image-spool.ts";
import type { ImageSpool } from "./image-spool.ts";
import type { Images } from "./image.ts";
import { createLocalLayers } from "./local-layers.ts";
import { createOneAtATime } from "./one-at-a-time.ts";

export interface ImageShareOptions {
  readonly engine: Engine;
  readonly images: Pick<Images, "find">;
  /** Where images on their way are kept; nobody else's. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface DockerImageShare extends ImageShare {
  close(): Promise<void>;
}

const sweepEveryMs = 600_000;

/** Images from engine to engine: only the layers travel that the other one lacks, and no tag moves. */
export function createImageShare(parts: ImageShareOptions): DockerImageShare {
  const { engine, images, directory, clock, log } = parts;
  const outgoing = createImageSpool(join(directory, "outgoing"), clock);
  const incoming = createImageSpool(join(directory, "incoming"), clock);
  const [exports, imports] = [createOneAtATime(), createOneAtATime()];
  const local = createLocalLayers({ engine, images });
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const sweeping = sweepNowAndThen([outgoing, incoming], { clock, log, signal: closing.signal });

  async function lacking(image: ImageFacts): Promise<Lacking> {
    checkImage(image);
    const found = await images.find(image.imageId);
    if (found?.Id === image.imageId) return { present: true };
    const shared = await local.countShared(image.layers);
    const missing: MissingLayer[] = [{ diffId: image.imageId, have: 0 }];
    for (const diffId of new Set(image.layers.slice(shared))) {
      missing.push({ diffId, have: (await incoming.size(image.imageId, diffId)) ?? 0 });
    }
    return { present: false, missing };
  }

  async function takeIn(image: ImageFacts, stream: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<void> {
    options.signal.throwIfAborted();
    const folder = await incoming.hold(image.imageId);
    try {
      await incoming.sweep();
      const found = await lacking(image);
      // Another attempt brought it while this one waited.
      if (found.present) return void (await stream[Symbol.asyncIterator]().return?.());
      const layers = found.missing.flatMap(({ diffId }) => (diffId === image.imageId ? [] : diffId));
      await importImage({ engine, images, folder, closing: closing.signal }, image, layers, { stream, options });
      log.info("took in an image from another machine", { image: image.imageId, layers: layers.length });
    } finally {
      await folder.release();
    }
  }

  return {
    async describe(reference) {
      const found = await images.find(reference);
      return found === undefined ? undefined : describeImage(found);
    },
    lacking,
    exportLayers: (image, missing, signal) =>
      exportImage({ engine, spool: outgoing, turns: exports, clock }, image, missing, signal),
    async importLayers(image, stream, { maxBytes, signal }) {
      checkImage(image);
      const options = { maxBytes, signal: AbortSignal.any([signal, closing.signal]) };
      const taking = imports.run(image.imageId, () => takeIn(image, stream, options));
      running.add(taking);
      taking.then(
        () => running.delete(taking),
        () => running.delete(taking),
      );
      await orAborted(taking, options.signal);
    },
    async close(): Promise<void> {
      closing.abort();
      await Promise.allSettled([sweeping, ...running]);
    },
  };
}

type Lacking = Awaited<ReturnType<ImageShare["lacking"]>>;

async function sweepNowAndThen(
  spools: readonly ImageSpool[],
  { clock, log, signal }: Pick<ImageShareOptions, "clock" | "log"> & { readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      for (const spool of spools) await spool.sweep();
    } catch (error) {
      log.warn("cannot remove images that were on their way", { error });
    }
    await clock.sleep(sweepEveryMs, signal);
  }
}
