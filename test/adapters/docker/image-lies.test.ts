import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodePartHeader, streamHead } from "../../../src/adapters/docker/image-part.ts";
import type { PartHeader } from "../../../src/adapters/docker/image-part.ts";
import type { ImageFacts } from "../../../src/resources/attempt.ts";
import { digestOf } from "../../support/image-engine.ts";
import { ImageBed } from "./image-bed.ts";

const [base, top, other] = [randomBytes(50_000), randomBytes(20_000), randomBytes(20_000)];
const layers = [digestOf(base), digestOf(top)];
const rootfs = { type: "layers", diff_ids: layers };
const honest = configOf({ os: "linux", architecture: "amd64", rootfs });

function configOf(fields: object): Buffer {
  return Buffer.from(JSON.stringify(fields));
}

function facts(config: Uint8Array): ImageFacts {
  return { imageId: digestOf(config), platform: "linux/amd64", layers, bytes: 70_000 };
}

function part(bytes: Uint8Array, header: Partial<PartHeader> = {}): Buffer {
  const whole = { digest: digestOf(bytes), offset: 0, bytes: bytes.length, ...header };
  return Buffer.concat([encodePartHeader(whole), bytes]);
}

function stream(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([streamHead, ...parts]);
}

const huge = Buffer.alloc(2 * 1024 * 1024, 0x20);
const [noJson, aList] = [Buffer.from("{"), Buffer.from("[1]")];
const [noLayers, otherLayers] = [configOf({ os: "linux", architecture: "amd64" }), otherOrder()];
const otherPlatform = configOf({ os: "linux", architecture: "arm64", rootfs });
const twoFaced = configOf({
  os: "linux",
  architecture: "amd64",
  rootfs,
  RootFS: { type: "layers", diff_ids: [layers[0]] },
});
const otherFace = configOf({ os: "linux", architecture: "amd64", rootfs, Architecture: "s390x" });

function otherOrder(): Buffer {
  return configOf({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: layers.toReversed() } });
}

interface Lie {
  readonly config?: Buffer;
  readonly sent: Buffer;
  readonly says: RegExp;
}

const lies: Readonly<Record<string, Lie>> = {
  "another format": { sent: Buffer.from("homie-image/2\nxxxxxxxx"), says: /another format/ },
  "an archive": { sent: Buffer.alloc(10_240), says: /another format/ },
  "no configuration": { sent: stream(part(base), part(top)), says: /begin with its configuration/ },
  "a configuration under a wrong digest": {
    sent: stream(part(otherPlatform, { digest: digestOf(honest) }), part(base), part(top)),
    says: /another digest/,
  },
  "a configuration from its middle": { sent: stream(part(honest, { offset: 3 })), says: /at most/ },
  "a configuration without measure": { config: huge, sent: stream(part(huge)), says: /at most/ },
  "a configuration that is no JSON": { config: noJson, sent: stream(part(noJson)), says: /no JSON object/ },
  "a configuration that is a list": { config: aList, sent: stream(part(aList)), says: /other layers/ },
  "a configuration without layers": { config: noLayers, sent: stream(part(noLayers)), says: /other layers/ },
  "a configuration with other layers": { config: otherLayers, sent: stream(part(otherLayers)), says: /other layers/ },
  "a configuration for another platform": { config: otherPlatform, sent: stream(part(otherPlatform)), says: /arm64/ },
  "a layer of other bytes": {
    sent: stream(part(honest), part(base), part(other, { digest: layers[1] ?? "" })),
    says: /a layer has another digest/,
  },
  "a layer nobody asked for": { sent: stream(part(honest), part(base), part(other)), says: /no layer of it/ },
  "the same layer twice": { sent: stream(part(honest), part(base), part(base)), says: /comes twice/ },
  "something after its end": {
    sent: stream(part(honest), part(base), part(top), part(honest)),
    says: /no layer of it/,
  },
  "a beginning that never comes": { sent: stream(Buffer.alloc(48 * 20_000)), says: /never begins/ },
  "a length that is none": {
    sent: stream(part(honest), encodePartHeader({ digest: layers[0] ?? "", offset: 0, bytes: 0 }).fill(0xff, 32)),
    says: /no length/,
  },
  "layers that only the engine sees": {
    config: twoFaced,
    sent: stream(part(twoFaced), part(base), part(top)),
    says: /engine cannot load it/,
  },
  "a platform that only the engine sees": {
    config: otherFace,
    sent: stream(part(otherFace), part(base), part(top)),
    says: /reads another image/,
  },
};

describe("a lie", () => {
  let bed: ImageBed;
  beforeEach(() => {
    bed = new ImageBed();
    bed.executor.engine.make("local:1", [other]);
  });
  afterEach(() => bed.close());

  async function expectNothingLeft(): Promise<void> {
    expect(bed.executor.files("incoming")).toEqual([]);
    expect([...bed.executor.engine.images.keys()]).toEqual([...bed.executor.engine.tags.values()]);
    expect([...bed.executor.engine.tags.keys()]).toEqual(["local:1"]);
    const image = facts(honest);
    await bed.import(image, stream(part(honest), part(base), part(top)));
    expect(await bed.executor.share.lacking(image)).toEqual({ present: true });
  }

  it.each(Object.entries(lies))("%s is refused and leaves nothing behind", async (_, { config, sent, says }) => {
    const failure = await bed.import(facts(config ?? honest), sent).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ImageRejected", message: expect.stringMatching(says) as string });
    await expectNothingLeft();
  });

  it("of size is refused before the bytes come", async () => {
    const endless = stream(part(honest), encodePartHeader({ digest: layers[0] ?? "", offset: 0, bytes: 2 ** 40 }));
    await expect(bed.import(facts(honest), endless, 1_000_000)).rejects.toMatchObject({ code: "TooLarge" });
    await expectNothingLeft();
  });

  it("of many small truths is refused at the same limit", async () => {
    const sent = stream(part(honest), part(base), part(top));
    await expect(bed.import(facts(honest), sent, 60_000)).rejects.toMatchObject({ code: "TooLarge" });
    await expectNothingLeft();
  });

  it("about what came before starts that layer again", async () => {
    const sent = stream(part(honest), part(base.subarray(100), { digest: layers[0] ?? "", offset: 100 }), part(top));
    await expect(bed.import(facts(honest), sent)).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect((await bed.missing(facts(honest))).map(({ have }) => have)).toEqual([0, 0, 0]);
  });

  it("that was cut off is found out by who goes on with it, and is gone then", async () => {
    const image = facts(honest);
    const half = stream(part(honest), part(other, { digest: layers[0] ?? "" }).subarray(0, 10_000));
    await expect(bed.import(image, half)).rejects.toMatchObject({ code: "PeerUnreachable" });
    const have = (await bed.missing(image))[1]?.have ?? 0;
    expect(have).toBeGreaterThan(0);
    const rest = part(base.subarray(have), { digest: layers[0] ?? "", offset: have });
    await expect(bed.import(image, stream(part(honest), rest, part(top)))).rejects.toMatchObject({
      code: "ImageRejected",
    });
    await expectNothingLeft();
  });

  it("in a digest reaches no path and no address", async () => {
    for (const wrong of [
      "../../etc",
      "sha256:../../etc",
      `sha256:${"g".repeat(64)}`,
      "",
      digestOf("x").toUpperCase(),
    ]) {
      for (const image of [
        { ...facts(honest), imageId: wrong },
        { ...facts(honest), layers: [wrong] },
      ]) {
        await expect(bed.executor.share.lacking(image)).rejects.toMatchObject({ code: "ImageRejected" });
        await expect(bed.import(image, stream())).rejects.toMatchObject({ code: "ImageRejected" });
      }
    }
    const tooMany = { ...facts(honest), layers: Array.from({ length: 300 }, () => layers[0] ?? "") };
    await expect(bed.executor.share.lacking(tooMany)).rejects.toMatchObject({ code: "ImageRejected" });
  });
});
