import { mkdtempSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createImageShare } from "../../../src/adapters/docker/image-share.ts";
import type { DockerImageShare } from "../../../src/adapters/docker/image-share.ts";
import { createImages } from "../../../src/adapters/docker/image.ts";
import type { MissingLayer } from "../../../src/adapters/peers/image-port.ts";
import type { ImageFacts } from "../../../src/resources/attempt.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeImageEngine } from "../../support/image-engine.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface Machine {
  readonly engine: FakeImageEngine;
  readonly share: DockerImageShare;
  /** Every file of images on their way, below `outgoing` and `incoming`. */
  files(way: "outgoing" | "incoming"): readonly string[];
}

/** Two machines, each with an engine. */
export class ImageBed {
  readonly clock: FakeClock = new FakeClock(new Date().toISOString());
  readonly #root = mkdtempSync(join(tmpdir(), "homie-images-"));
  readonly submitter: Machine = this.#machine("submitter");
  readonly executor: Machine = this.#machine("executor");

  #machine(name: string): Machine {
    const engine = new FakeImageEngine();
    const directory = join(this.#root, name);
    const images = createImages(engine, this.clock, quiet);
    const share = createImageShare({ engine, images, directory, clock: this.clock, log: quiet });
    return { engine, share, files: (way) => listFiles(join(directory, way)) };
  }

  async close(): Promise<void> {
    await Promise.all([this.submitter.share.close(), this.executor.share.close()]);
    await rm(this.#root, { recursive: true, force: true });
  }

  async missing(image: ImageFacts): Promise<readonly MissingLayer[]> {
    const found = await this.executor.share.lacking(image);
    return found.present ? [] : found.missing;
  }

  async export(image: ImageFacts): Promise<Buffer> {
    const { signal } = new AbortController();
    return gather(this.submitter.share.exportLayers(image, await this.missing(image), signal));
  }

  import(image: ImageFacts, stream: AsyncIterable<Uint8Array> | Uint8Array, maxBytes = 2 ** 30): Promise<void> {
    const { signal } = new AbortController();
    const chunks = stream instanceof Uint8Array ? inPieces(stream) : stream;
    return this.executor.share.importLayers(image, chunks, { maxBytes, signal });
  }
}

export async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

export async function* inPieces(bytes: Uint8Array, most = 10_007): AsyncIterable<Uint8Array> {
  for (let from = 0; from < bytes.length; from += most) {
    await Promise.resolve();
    yield bytes.subarray(from, from + most);
  }
}

function listFiles(directory: string): readonly string[] {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true });
  return found.filter((each) => each.isFile()).map(({ name }) => name);
}
