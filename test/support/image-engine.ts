import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Engine } from "../../src/adapters/docker/connect.ts";
import { savedLayerNames } from "../../src/adapters/docker/saved-layer-names.ts";
import { readTar } from "../../src/tar/read.ts";
import { writeTar } from "../../src/tar/write.ts";
import type { TarInput } from "../../src/tar/write.ts";

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

interface KeptImage {
  readonly config: Buffer;
  readonly layers: readonly string[];
  readonly platform: readonly [string, string];
}

/**
 * The image half of an engine with the overlay2 store: layers are kept by the chain below them, `load` looks for a file
 * only where the chain is not known, and reads configurations without regard to case, as Go does. Measured on 20.10.
 */
export class FakeImageEngine implements Engine {
  readonly images = new Map<string, KeptImage>();
  readonly tags = new Map<string, string>();
  readonly chains = new Map<string, Buffer>();
  /** What a registry has: layers by name. */
  readonly registry = new Map<string, readonly Buffer[]>();
  readonly pulled: string[] = [];
  saves = 0;
  loads = 0;
  /** How a saved archive names its layers: Engine before 25; the same in another time zone; since 25; repacked. */
  naming: "ids" | "other ids" | "digests" | "repacked" = "ids";
  /** Why nothing can be loaded. */
  loadFailure: Error | undefined;
  /** Awaited before an image is saved or loaded. */
  busy: Promise<void> = Promise.resolve();

  make(name: string, layers: readonly Buffer[], more: Readonly<Record<string, unknown>> = {}): string {
    const diffIds = layers.map(digestOf);
    for (const [index, layer] of layers.entries()) this.chains.set(chainOf(diffIds.slice(0, index + 1)), layer);
    const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: diffIds }, ...more };
    const id = this.#keep(Buffer.from(JSON.stringify(config)));
    this.tags.set(name, id);
    return id;
  }

  shown(): string {
    return "fake";
  }

  forget(): void {}

  docker(): ReturnType<Engine["docker"]> {
    const docker = {
      version: () => Promise.resolve({}),
      listImages: () => Promise.resolve([...this.images.keys()].map((Id) => ({ Id }))),
      createImage: (wanted: { readonly fromImage: string; readonly tag: string }) =>
        Promise.resolve(Readable.from(this.#pull(`${wanted.fromImage}:${wanted.tag}`), { objectMode: false })),
      loadImage: (archive: Readable) => this.#load(archive),
      getImage: (name: string) => ({
        inspect: () => this.#inspect(name),
        get: () => Promise.resolve(Readable.from(this.#save(name), { objectMode: false })),
        remove: () => Promise.resolve(this.images.delete(name)),
      }),
    };
    return docker as unknown as ReturnType<Engine["docker"]>;
  }

  #keep(config: Buffer): string {
    const read = fieldOf(JSON.parse(config.toString()));
    const layers = fieldOf(read("rootfs"))("diff_ids") as string[];
    const id = digestOf(config);
    this.images.set(id, { config, layers, platform: [String(read("os")), String(read("architecture"))] });
    return id;
  }

  async #inspect(name: string): Promise<unknown> {
    await Promise.resolve();
    const Id = this.tags.get(name) ?? name;
    const found = this.images.get(Id);
    if (found === undefined) throw Object.assign(new Error("no such image"), { statusCode: 404 });
    const [Os, Architecture] = found.platform;
    const Size = found.layers.length;
    return { Id, Os, Architecture, Size, RootFS: { Type: "layers", Layers: found.layers } };
  }

  *#pull(name: string): Iterable<Buffer> {
    this.pulled.push(name);
    const layers = this.registry.get(name);
    if (layers !== undefined) this.make(name, layers);
    yield Buffer.from(JSON.stringify(layers === undefined ? { error: "manifest unknown" } : { status: "Pulled" }));
  }

  async *#save(id: string): AsyncIterable<Uint8Array> {
    this.saves += 1;
    await this.busy;
    const image = this.images.get(id);
    if (image === undefined) throw new Error("reference does not exist");
    const { config, layers } = image;
    const names = [...savedLayerNames(layers).keys(), digestOf(config).slice(7)];
    const files: [string, Buffer][] = [...new Set(layers)].map((diffId) => {
      const index = layers.indexOf(diffId);
      const bytes = this.chains.get(chainOf(layers.slice(0, index + 1))) ?? Buffer.alloc(0);
      return [
        this.#nameOf(diffId, names[index] ?? ""),
        this.naming === "repacked" ? Buffer.concat([bytes, bytes]) : bytes,
      ];
    });
    const hex = id.slice(7);
    files.push(
      [this.naming === "digests" ? `blobs/sha256/${hex}` : `${hex}.json`, config],
      ["manifest.json", Buffer.from("[]")],
    );
    yield* writeTar(files.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([path, bytes]) => fileOf(path, bytes)));
  }

  #nameOf(diffId: string, name: string): string {
    if (this.naming === "digests") return `blobs/sha256/${diffId.slice(7)}`;
    return `${this.naming === "ids" ? name : digestOf(diffId).slice(7)}/layer.tar`;
  }

  async #load(archive: Readable): Promise<Readable> {
    const files = new Map<string, Buffer>();
    for await (const { path, body } of readTar(archive, { mode: "strict", maxTotalBytes: 2 ** 30 })) {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(Uint8Array.from(piece));
      files.set(path, Buffer.concat(pieces));
    }
    this.loads += 1;
    await this.busy;
    if (this.loadFailure !== undefined) throw this.loadFailure;
    const failure = this.#register(files);
    return Readable.from([
      Buffer.from(JSON.stringify(failure === undefined ? { stream: "Loaded" } : { error: failure })),
    ]);
  }

  #register(files: ReadonlyMap<string, Buffer>): string | undefined {
    const manifests = JSON.parse(String(files.get("manifest.json"))) as readonly {
      readonly Config: string;
      readonly RepoTags: readonly string[] | null;
      readonly Layers: readonly string[];
    }[];
    for (const { Config, RepoTags, Layers } of manifests) {
      const config = files.get(Config) ?? Buffer.alloc(0);
      const diffIds = fieldOf(fieldOf(JSON.parse(config.toString()))("rootfs"))("diff_ids") as string[];
      if (diffIds.length !== Layers.length) return "invalid manifest, layers length mismatch";
      for (const [index, path] of Layers.entries()) {
        const chain = chainOf(diffIds.slice(0, index + 1));
        if (this.chains.has(chain)) continue;
        const bytes = files.get(path);
        if (bytes === undefined) return `open ${path}: no such file or directory`;
        if (digestOf(bytes) !== diffIds[index]) return `invalid diffID for layer ${index}`;
        this.chains.set(chain, bytes);
      }
      const id = this.#keep(config);
      for (const tag of RepoTags ?? []) this.tags.set(tag, id);
    }
    return undefined;
  }
}

function chainOf(layers: readonly string[]): string {
  return layers.reduce((chain, diffId) => (chain === "" ? diffId : digestOf(`${chain} ${diffId}`)), "");
}

/** The last key that is the same in any case, as Go's decoder has it. */
function fieldOf(value: unknown): (name: string) => unknown {
  const entries = Object.entries(value as object).toReversed();
  return (name) => entries.find(([key]) => key.toLowerCase() === name)?.[1] as unknown;
}

function fileOf(path: string, bytes: Buffer): TarInput {
  const facts = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 } as const;
  return { ...facts, path, bytes: bytes.length, body: Readable.from([bytes]) };
}
