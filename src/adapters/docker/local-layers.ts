import type { Engine } from "./connect.ts";
import { translateEngineError } from "./engine-error.ts";
import { nameEngine } from "./health.ts";
import { layersOf } from "./image-content.ts";
import type { Images } from "./image.ts";
import { answerMs, within } from "./within.ts";

export interface LocalLayers {
  /**
   * How many of these layers, from the lowest on, the engine has on top of each other. It keeps layers by the chain below
   * them: the same layer on another one is another layer, and has to travel. None for podman: what it loads has to be whole.
   */
  countShared(layers: readonly string[]): Promise<number>;
}

export function createLocalLayers({ engine, images }: { engine: Engine; images: Pick<Images, "find"> }): LocalLayers {
  /** By image id, which never means anything else. */
  const known = new Map<string, readonly string[]>();

  async function listIds(): Promise<ReadonlySet<string>> {
    try {
      const listed = await within(answerMs, (abortSignal) => engine.docker().listImages({ all: true, abortSignal }));
      return new Set(listed.map(({ Id }) => Id));
    } catch (error) {
      throw translateEngineError(error, "ImageMissing", "cannot list the images");
    }
  }

  async function isPodman(): Promise<boolean> {
    try {
      return nameEngine(await within(answerMs, () => engine.docker().version())) === "podman";
    } catch (error) {
      throw translateEngineError(error, "ImageMissing", "cannot ask which engine this is");
    }
  }

  return {
    async countShared(layers): Promise<number> {
      if (await isPodman()) return 0;
      const ids = await listIds();
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
      let most = 0;
      for (const id of ids) {
        const found = known.get(id) ?? (await images.find(id).then((image) => image && layersOf(image)));
        // Removed since it was listed.
        if (found === undefined) continue;
        known.set(id, found);
        most = Math.max(most, countEqual(found, layers));
      }
      return most;
    },
  };
}

function countEqual(found: readonly string[], layers: readonly string[]): number {
  const firstOther = layers.findIndex((layer, index) => layer !== found[index]);
  return firstOther < 0 ? layers.length : firstOther;
}
