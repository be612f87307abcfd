import { createHash } from "node:crypto";
import type { ImageFacts } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { ByteSource } from "../../tar/byte-source.ts";
import { untilAborted } from "./aborting.ts";
import { checkConfig, maxConfigBytes, rejected } from "./image-content.ts";
import { loadImage } from "./image-load.ts";
import type { LoadedLayer, LoadParts } from "./image-load.ts";
import { cutOff, readBody, readPartHeader, readStreamHead } from "./image-part.ts";
import type { PartHeader } from "./image-part.ts";
import type { SpoolFolder } from "./image-spool.ts";

export interface ImportParts extends LoadParts {
  readonly folder: SpoolFolder;
  /** Ends a load. The sender's going away does not: everything is here by then, and the next to ask finds the image. */
  readonly closing: AbortSignal;
}

export interface ImportOptions {
  /** Of the configuration and the layers together, what came before a cut included. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** One call at a time an image. `missing` are diff ids; the configuration travels always. */
export async function importImage(
  parts: ImportParts,
  image: ImageFacts,
  missing: readonly string[],
  incoming: { readonly stream: AsyncIterable<Uint8Array>; readonly options: ImportOptions },
): Promise<void> {
  const { stream, options } = incoming;
  const source = new ByteSource(untilAborted(stream, options.signal));
  try {
    const content = await new Receiver(image, parts.folder, options).receive(source, missing);
    await loadImage(parts, image, content, parts.closing);
    await parts.folder.drop();
  } catch (error) {
    const ended = options.signal.aborted || parts.closing.aborted;
    if (!ended && !canGoOn(error)) await parts.folder.drop();
    throw error;
  } finally {
    await source.close();
  }
}

/** Nothing was wrong with what came: the connection or the engine went away. A foreign error is the connection's. */
function canGoOn(error: unknown): boolean {
  return !(error instanceof HomieError) || error.code === "PeerUnreachable" || error.code === "EngineUnavailable";
}

class Receiver {
  readonly #image: ImageFacts;
  readonly #folder: SpoolFolder;
  readonly #options: ImportOptions;
  #totalBytes = 0;

  constructor(image: ImageFacts, folder: SpoolFolder, options: ImportOptions) {
    this.#image = image;
    this.#folder = folder;
    this.#options = options;
  }

  /** Throws ImageRejected or TooLarge for what breaks a rule, PeerUnreachable for what is only cut off. */
  async receive(
    source: ByteSource,
    missing: readonly string[],
  ): Promise<{ readonly config: Buffer; readonly layers: readonly LoadedLayer[] }> {
    await readStreamHead(source);
    const config = await this.#config(source);
    const layers: LoadedLayer[] = [];
    // One that has come here by another way meanwhile may still be sent, once.
    const expected = new Set(this.#image.layers);
    for (;;) {
      const header = await readPartHeader(source);
      if (header === undefined) break;
      if (!expected.delete(header.digest)) throw rejected("a part of it is no layer of it, or comes twice");
      layers.push(await this.#layer(source, header));
    }
    if (missing.some((diffId) => expected.has(diffId))) throw cutOff();
    return { config, layers };
  }

  async #config(source: ByteSource): Promise<Buffer> {
    const header = await readPartHeader(source);
    if (header === undefined) throw cutOff();
    const { digest, offset, bytes } = header;
    if (digest !== this.#image.imageId) throw rejected("it does not begin with its configuration");
    if (offset !== 0 || bytes > maxConfigBytes)
      throw rejected(`its configuration is not at most ${maxConfigBytes} bytes`);
    this.#count(header);
    const config = await source.exactly(bytes);
    if (config.length < bytes) throw cutOff();
    if (`sha256:${createHash("sha256").update(config).digest("hex")}` !== digest)
      throw rejected("its configuration has another digest");
    checkConfig(config, this.#image);
    return config;
  }

  /** Written as it comes: whatever cuts the stream, what came is there. */
  async #layer(source: ByteSource, header: PartHeader): Promise<LoadedLayer> {
    const { digest, offset, bytes } = header;
    this.#count(header);
    const file = await this.#folder.open(digest, offset);
    try {
      for await (const piece of readBody(source, bytes)) await file.write(piece);
    } finally {
      await file.close();
    }
    if (file.digest() !== digest) throw rejected("a layer has another digest");
    return { diffId: digest, path: this.#folder.path(digest), bytes: offset + bytes };
  }

  #count({ offset, bytes }: PartHeader): void {
    this.#totalBytes += offset + bytes;
    if (this.#totalBytes > this.#options.maxBytes) {
      throw new HomieError("TooLarge", `the image is larger than the ${this.#options.maxBytes} bytes it may have`);
    }
  }
}
