import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createEngine, findEngine } from "../../src/adapters/docker/connect.ts";
import { encodePartHeader, streamHead } from "../../src/adapters/docker/image-part.ts";
import { createImageShare } from "../../src/adapters/docker/image-share.ts";
import type { DockerImageShare } from "../../src/adapters/docker/image-share.ts";
import { createImages } from "../../src/adapters/docker/image.ts";
import type { MissingLayer } from "../../src/adapters/peers/image-port.ts";
import type { ImageFacts } from "../../src/resources/attempt.ts";
import type { TestEngine } from "../support/engine.ts";
import { importImage, modestUlimits, startPrivateEngine, whyNoPrivateEngine } from "../support/engine.ts";
import { isPodmanWanted } from "../support/podman.ts";
import { digestOf } from "../support/image-engine.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const newLayerBytes = 8 * 1024 * 1024;
/** What travels of the layers that are there already: podman loads only images that are whole. */
const wholeBytes = isPodmanWanted() ? 6 * 1024 * 1024 : 0;
const modest = { NetworkMode: "none", Ulimits: [...modestUlimits] };

async function isMissing(): Promise<boolean> {
  const reason = await whyNoPrivateEngine();
  if (reason === undefined) return false;
  if (process.env["CI"] === "true") throw new Error(`images between engines: ${reason}`);
  process.stderr.write(`skipped: images between engines: ${reason}\n`);
  return true;
}

describe.skipIf(await isMissing())("an image between two engines", () => {
  let root: string;
  const engines: TestEngine[] = [];
  const shares: DockerImageShare[] = [];
  const at = <T>(list: readonly T[], index: number): T => {
    const found = list[index];
    if (found === undefined) throw new Error(`there is no number ${index}`);
    return found;
  };
  const submitter = (): TestEngine => at(engines, 0);
  const executor = (): TestEngine => at(engines, 1);
  let image: ImageFacts;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "homie-image-share-"));
    for (const name of ["submitter", "executor"]) {
      const started = await startPrivateEngine();
      engines.push(started);
      const engine = createEngine(() => findEngine({ env: { DOCKER_HOST: started.host }, homeDirectory: root }));
      const images = createImages(engine, systemClock, quiet);
      shares.push(createImageShare({ engine, images, directory: join(root, name), clock: systemClock, log: quiet }));
    }
    await importImage(submitter().docker, "homie-test/base:1", []);
    await addLayer("homie-test/base:1", "homie-test/app:2", "head -c 3000000 /dev/urandom > /two");
    await send(await describeAs("homie-test/app:2"));
  });
  afterAll(async () => {
    for (const share of shares) await share.close();
    for (const engine of engines) await engine.stop();
    await rm(root, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await addLayer("homie-test/app:2", "homie-test/app:3", `head -c ${newLayerBytes} /dev/urandom > /three`);
    image = await describeAs("homie-test/app:3");
  });

  async function addLayer(from: string, name: string, script: string): Promise<void> {
    const { docker } = submitter();
    const container = await docker.createContainer({ Image: from, Cmd: ["sh", "-c", script], HostConfig: modest });
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    const [repo, tag] = name.split(":");
    await container.commit({ repo, tag });
    await container.remove();
  }

  async function describeAs(name: string): Promise<ImageFacts> {
    const found = await at(shares, 0).describe(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  async function missingOf(wanted: ImageFacts): Promise<readonly MissingLayer[]> {
    const found = await at(shares, 1).lacking(wanted);
    return found.present ? [] : found.missing;
  }

  /** How many bytes travelled; cut off after `mostBytes`. */
  async function send(wanted: ImageFacts, mostBytes = Infinity): Promise<number> {
    const signal = AbortSignal.timeout(60_000);
    const stream = at(shares, 0).exportLayers(wanted, await missingOf(wanted), signal);
    let bytes = 0;
    async function* counted(): AsyncIterable<Uint8Array> {
      for await (const piece of stream) {
        bytes += piece.length;
        yield piece;
        if (bytes >= mostBytes) return;
      }
    }
    await at(shares, 1).importLayers(wanted, counted(), { maxBytes: 2 ** 30, signal });
    return bytes;
  }

  /** What a program in the image sees of its own files. */
  async function hashesIn({ docker }: TestEngine, imageId: string): Promise<string> {
    const Cmd = [
      "sh",
      "-c",
      "sha256sum /two /three /bin/busybox; ls -lnd /bin /bin/sh /etc/passwd /three /tmp /two /work",
    ];
    const container = await docker.createContainer({ Image: imageId, Cmd, HostConfig: modest });
    try {
      await container.start();
      expect(await container.wait()).toMatchObject({ StatusCode: 0 });
      return (await container.logs({ stdout: true, stderr: true })).toString();
    } finally {
      await container.remove();
    }
  }

  async function tagsOf({ docker }: TestEngine): Promise<readonly string[]> {
    const images = await docker.listImages();
    const tags = images.flatMap(({ Id, RepoTags }) => (RepoTags ?? []).map((tag) => `${tag} ${Id}`));
    return tags.filter((tag) => !tag.startsWith("<none>")).toSorted();
  }

  it("is only its new layer when the others are there, and runs there as it does here", async () => {
    await importImage(executor().docker, "homie-test/app:3", []);
    const tags = await tagsOf(executor());
    const travelling = wholeBytes === 0 ? image.layers.slice(2) : image.layers;
    expect(await missingOf(image)).toEqual([image.imageId, ...travelling].map((diffId) => ({ diffId, have: 0 })));
    expect(await send(image)).toBeLessThanOrEqual(wholeBytes + 1.1 * newLayerBytes + 65_536);
    expect(await at(shares, 1).lacking(image)).toEqual({ present: true });
    expect(await hashesIn(executor(), image.imageId)).toBe(await hashesIn(submitter(), image.imageId));
    expect(await tagsOf(executor())).toEqual(tags);
    expect(await readdir(join(root, "executor", "incoming"))).toEqual([]);
  });

  it("goes on after a cut", async () => {
    await expect(send(image, newLayerBytes / 2)).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect((await missingOf(image)).reduce((sum, { have }) => sum + have, 0)).toBeGreaterThan(newLayerBytes / 4);
    expect(await send(image)).toBeLessThanOrEqual(wholeBytes + newLayerBytes / 2 + 1024 * 1024);
    expect(await hashesIn(executor(), image.imageId)).toBe(await hashesIn(submitter(), image.imageId));
  });

  it("is its configuration alone when only that is new", async () => {
    await send(image);
    const container = await submitter().docker.createContainer({
      Image: image.imageId,
      Cmd: ["true"],
      HostConfig: modest,
    });
    await container.commit({ repo: "homie-test/app", tag: "4", changes: "ENV WHO=homie" });
    await container.remove();
    const renamed = await describeAs("homie-test/app:4");
    if (wholeBytes === 0) expect(await missingOf(renamed)).toEqual([{ diffId: renamed.imageId, have: 0 }]);
    expect(await send(renamed)).toBeLessThan(wholeBytes === 0 ? 4096 : wholeBytes + newLayerBytes + 65_536);
    expect(await at(shares, 1).lacking(renamed)).toEqual({ present: true });
  });

  it("that the engine reads otherwise than its description is removed again", async () => {
    const { layers, platform } = await describeAs("homie-test/base:1");
    const rootfs = { type: "layers", diff_ids: layers };
    const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs, Architecture: "s390x" }));
    const lie = { imageId: digestOf(config), platform, layers, bytes: 1 };
    const header = encodePartHeader({ digest: lie.imageId, offset: 0, bytes: config.length });
    async function* stream(): AsyncIterable<Uint8Array> {
      await Promise.resolve();
      yield Buffer.concat([streamHead, header, config]);
    }
    const rules = { maxBytes: 2 ** 30, signal: AbortSignal.timeout(60_000) };
    // To podman, layers that do not come are missing, so it is never asked to read the lie.
    const code = wholeBytes === 0 ? "ImageRejected" : "PeerUnreachable";
    await expect(at(shares, 1).importLayers(lie, stream(), rules)).rejects.toMatchObject({ code });
    const images = await executor().docker.listImages({ all: true });
    expect(images.map(({ Id }) => Id)).not.toContain(lie.imageId);
  });
});
