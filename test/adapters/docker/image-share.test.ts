import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { savedLayerNames } from "../../../src/adapters/docker/saved-layer-names.ts";
import type { ImageFacts } from "../../../src/resources/attempt.ts";
import { gather, ImageBed, inPieces } from "./image-bed.ts";

const [base, middle, top] = [randomBytes(400_000), randomBytes(300_000), randomBytes(100_000)];

let bed: ImageBed;
beforeEach(() => {
  bed = new ImageBed();
});
afterEach(() => bed.close());

async function describeAs(name: string): Promise<ImageFacts> {
  const image = await bed.submitter.share.describe(name);
  if (image === undefined) throw new Error(`there is no ${name}`);
  return image;
}

describe("an image that travels", () => {
  it("is described by content and platform, and is undefined where there is none", async () => {
    const imageId = bed.submitter.engine.make("app:1", [base, top]);
    expect(await describeAs("app:1")).toMatchObject({ imageId, platform: "linux/amd64", layers: [{}, {}] });
    expect(await bed.submitter.share.describe("other:1")).toBeUndefined();
  });

  it.each(["ids", "other ids", "digests"] as const)(
    "is only its new layers when the others are there, with layers saved by %s",
    async (naming) => {
      bed.submitter.engine.naming = naming;
      bed.submitter.engine.make("app:3", [base, middle, top]);
      bed.executor.engine.make("local:2", [base, middle]);
      const image = await describeAs("app:3");
      const sent = await bed.export(image);
      expect(sent.length).toBeLessThanOrEqual(1.1 * top.length + 65_536);
      await bed.import(image, sent);
      expect(await bed.executor.share.lacking(image)).toEqual({ present: true });
      expect(bed.executor.engine.images.get(image.imageId)?.layers).toEqual(image.layers);
      expect([...bed.executor.engine.tags.keys()]).toEqual(["local:2"]);
      expect(bed.executor.files("incoming")).toEqual([]);
    },
  );

  it("travels whole to a machine that has nothing, and is not asked for again", async () => {
    bed.submitter.engine.make("app:3", [base, middle, top]);
    const image = await describeAs("app:3");
    await bed.import(image, await bed.export(image));
    expect(await bed.missing(image)).toEqual([]);
    expect(await bed.executor.share.lacking(image)).toEqual({ present: true });
  });

  it("needs a layer that lies on another one here", async () => {
    bed.submitter.engine.make("app:2", [base, top]);
    bed.executor.engine.make("local:2", [middle, top]);
    const image = await describeAs("app:2");
    expect((await bed.missing(image)).map(({ diffId }) => diffId)).toEqual([image.imageId, ...image.layers]);
    await bed.import(image, await bed.export(image));
    expect(await bed.missing(image)).toEqual([]);
  });

  it("is only its configuration when every layer is there", async () => {
    bed.submitter.engine.make("app:2", [base, top], { config: { Env: ["A=1"] } });
    bed.executor.engine.make("local:2", [base, top]);
    const image = await describeAs("app:2");
    expect(await bed.missing(image)).toEqual([{ diffId: image.imageId, have: 0 }]);
    const sent = await bed.export(image);
    expect(sent.length).toBeLessThan(1000);
    await bed.import(image, sent);
    expect(await bed.missing(image)).toEqual([]);
  });

  it("brings a layer that it has twice once", async () => {
    bed.submitter.engine.make("app:3", [base, top, top]);
    const image = await describeAs("app:3");
    const sent = await bed.export(image);
    expect(sent.length).toBeLessThan(base.length + top.length + 1000);
    await bed.import(image, sent);
    expect(bed.executor.engine.images.get(image.imageId)?.layers).toEqual(image.layers);
  });

  it("leaves a tag alone that the submitter has too", async () => {
    bed.submitter.engine.make("app:latest", [base, top]);
    const own = bed.executor.engine.make("app:latest", [base, middle]);
    const image = await describeAs("app:latest");
    await bed.import(image, await bed.export(image));
    expect([...bed.executor.engine.tags]).toEqual([["app:latest", own]]);
  });

  it("is brought once when two attempts bring it at the same time", async () => {
    bed.submitter.engine.make("app:2", [base, top]);
    const image = await describeAs("app:2");
    const sent = await bed.export(image);
    await Promise.all([bed.import(image, sent), bed.import(image, sent)]);
    expect(bed.executor.engine.images.size).toBe(1);
  });
});

describe("a cut", () => {
  beforeEach(() => bed.submitter.engine.make("app:3", [base, middle, top]));

  it.each([5, 40, 300, 300_000, 550_000, 799_000])("after %i bytes costs none of what came", async (bytes) => {
    const image = await describeAs("app:3");
    const whole = await bed.export(image);
    await expect(bed.import(image, whole.subarray(0, bytes))).rejects.toMatchObject({ code: "PeerUnreachable" });
    const rest = await bed.export(image);
    expect(rest.length).toBeLessThanOrEqual(whole.length - bytes + 1000);
    await bed.import(image, rest);
    expect(await bed.missing(image)).toEqual([]);
    expect(bed.submitter.engine.saves).toBe(1);
    expect(bed.executor.files("incoming")).toEqual([]);
  });

  it("between two layers is a cut too", async () => {
    const image = await describeAs("app:3");
    const [whole, missing] = [await bed.export(image), await bed.missing(image)];
    const { signal } = new AbortController();
    const allButLast = await gather(bed.submitter.share.exportLayers(image, missing.slice(0, -1), signal));
    expect(whole.subarray(0, allButLast.length).equals(allButLast)).toBe(true);
    await expect(bed.import(image, allButLast)).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect((await bed.missing(image)).map(({ have }) => have)).toEqual([0, base.length, middle.length, 0]);
  });

  it("by a failing connection keeps what came and says what the connection said", async () => {
    const image = await describeAs("app:3");
    const whole = await bed.export(image);
    async function* failing(): AsyncIterable<Uint8Array> {
      yield* inPieces(whole.subarray(0, 500_000));
      throw new Error("reset");
    }
    await expect(bed.import(image, failing())).rejects.toThrow("reset");
    expect((await bed.missing(image)).reduce((sum, { have }) => sum + have, 0)).toBeGreaterThan(490_000);
  });

  it("by the caller ends an import whose stream is silent", async () => {
    const image = await describeAs("app:3");
    const whole = await bed.export(image);
    const abort = new AbortController();
    async function* silent(): AsyncIterable<Uint8Array> {
      yield* inPieces(whole.subarray(0, 500_000));
      abort.abort(new Error("no longer wanted"));
      await new Promise(() => undefined);
    }
    const rules = { maxBytes: 2 ** 30, signal: abort.signal };
    await expect(bed.executor.share.importLayers(image, silent(), rules)).rejects.toThrow("no longer wanted");
    await bed.import(image, await bed.export(image));
    expect(await bed.missing(image)).toEqual([]);
  });

  it("by an engine that goes away sends no layer again", async () => {
    const image = await describeAs("app:3");
    bed.executor.engine.loadFailure = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    await expect(bed.import(image, await bed.export(image))).rejects.toMatchObject({ code: "EngineUnavailable" });
    bed.executor.engine.loadFailure = undefined;
    const again = await bed.export(image);
    expect(again.length).toBeLessThan(1000);
    await bed.import(image, again);
    expect(await bed.missing(image)).toEqual([]);
  });
});

describe("an engine that takes its time", () => {
  beforeEach(() => bed.submitter.engine.make("app:2", [base, top]));

  it("to save an image lets the connection be seen to live", async () => {
    const image = await describeAs("app:2");
    const saving = Promise.withResolvers<void>();
    bed.submitter.engine.busy = saving.promise;
    const sending = bed.export(image);
    await expect.poll(() => bed.submitter.engine.saves).toBe(1);
    await bed.clock.advance(60_000);
    saving.resolve();
    const slow = await sending;
    const quick = await bed.export(image);
    expect(slow.length - quick.length).toBeGreaterThanOrEqual(10 * 48);
    await bed.import(image, slow);
    expect(await bed.missing(image)).toEqual([]);
  });

  it("to save an image is let go when nobody reads on", async () => {
    const image = await describeAs("app:2");
    bed.submitter.engine.busy = new Promise(() => undefined);
    const { signal } = new AbortController();
    const stream = bed.submitter.share.exportLayers(image, await bed.missing(image), signal)[Symbol.asyncIterator]();
    await stream.next();
    const waiting = stream.next();
    await expect.poll(() => bed.submitter.engine.saves).toBe(1);
    await bed.clock.advance(5_000);
    expect((await waiting).value).toHaveLength(48);
    await stream.return?.();
    bed.submitter.engine.busy = Promise.resolve();
    await bed.import(image, await bed.export(image));
    expect(await bed.missing(image)).toEqual([]);
  });

  it("to load an image goes on when the sender has gone, and nothing has to be sent again", async () => {
    const image = await describeAs("app:2");
    const sent = await bed.export(image);
    const loading = Promise.withResolvers<void>();
    bed.executor.engine.busy = loading.promise;
    const abort = new AbortController();
    const importing = bed.executor.share.importLayers(image, inPieces(sent), {
      maxBytes: 2 ** 30,
      signal: abort.signal,
    });
    await expect.poll(() => bed.executor.engine.loads).toBe(1);
    abort.abort(new Error("gone"));
    await expect(importing).rejects.toThrow("gone");
    const again = bed.import(image, inPieces(sent));
    loading.resolve();
    await again;
    expect(await bed.missing(image)).toEqual([]);
    expect(bed.executor.engine.loads).toBe(1);
    expect(bed.executor.files("incoming")).toEqual([]);
  });
});

describe("what is kept of images on their way", () => {
  it("goes after an hour in which nobody asked for it", async () => {
    bed.submitter.engine.make("app:2", [base, top]);
    const image = await describeAs("app:2");
    const whole = await bed.export(image);
    await expect(bed.import(image, whole.subarray(0, 200_000))).rejects.toMatchObject({ code: "PeerUnreachable" });
    await bed.clock.advance(3_000_000);
    expect(bed.executor.files("incoming")).toHaveLength(1);
    await bed.clock.advance(700_000);
    // It looks every ten minutes, and waits for the next time only when it has looked.
    await expect
      .poll(async () => {
        await bed.clock.advance(600_000);
        return [...bed.executor.files("incoming"), ...bed.submitter.files("outgoing")];
      })
      .toEqual([]);
    await bed.import(image, await bed.export(image));
    expect(await bed.missing(image)).toEqual([]);
  });

  it("is four images at most, however many a peer begins", async () => {
    for (let index = 0; index < 8; index++) {
      bed.submitter.engine.make(`app:${index}`, [base, randomBytes(1000)]);
      const image = await describeAs(`app:${index}`);
      const whole = await bed.export(image);
      await expect(bed.import(image, whole.subarray(0, 100_000))).rejects.toMatchObject({ code: "PeerUnreachable" });
      await bed.clock.advance(1000);
    }
    await expect
      .poll(async () => {
        await bed.clock.advance(600_000);
        return bed.executor.files("incoming").length;
      })
      .toBe(4);
  });
});

describe("a submitter", () => {
  it("gives out no layer that is not of the image", async () => {
    bed.submitter.engine.make("app:2", [base, top]);
    bed.submitter.engine.make("secret:1", [middle]);
    const [image, secret] = [await describeAs("app:2"), await describeAs("secret:1")];
    const { signal } = new AbortController();
    for (const missing of [
      [{ diffId: secret.layers[0] ?? "", have: 0 }],
      [{ diffId: "../../etc/passwd", have: 0 }],
      [{ diffId: image.layers[0] ?? "", have: -1 }],
      [{ diffId: image.layers[0] ?? "", have: 0.5 }],
    ]) {
      const stream = bed.submitter.share.exportLayers(image, missing, signal);
      await expect(gather(stream)).rejects.toMatchObject({ code: "PeerRefused" });
    }
    expect(bed.submitter.engine.saves).toBe(0);
  });

  it("starts a layer again for a peer that says it has more of it than there is", async () => {
    bed.submitter.engine.make("app:1", [base]);
    const image = await describeAs("app:1");
    const [diffId] = image.layers;
    const { signal } = new AbortController();
    const missing = [{ diffId: diffId ?? "", have: base.length + 1 }];
    await bed.import(image, await gather(bed.submitter.share.exportLayers(image, missing, signal)));
    expect(await bed.missing(image)).toEqual([]);
  });

  it("says so when its engine packs layers again, and keeps nothing", async () => {
    bed.submitter.engine.naming = "repacked";
    bed.submitter.engine.make("app:1", [base]);
    await expect(bed.export(await describeAs("app:1"))).rejects.toMatchObject({ code: "ImageMissing" });
    expect(bed.submitter.files("outgoing")).toHaveLength(1);
  });

  it("knows the names Engine 20.10 saves layers by", () => {
    const layers = [
      "sha256:384ef5571375e41805fe98bf9c77bce7bc4e65ed51cd2fd9e13687e8acabf9f7",
      "sha256:b3e7d6d497eea06f4a696ee74ff93a97bd2f228266b60309652dea6a74910e5a",
      "sha256:46458e277833e0f7b96c161221c33cedab46b9e1b3d2649257f62a18fe875d2a",
    ];
    expect([...savedLayerNames(layers).keys()]).toEqual([
      "90fbfb0c31dd5744fda8af378fdc1684fd6132317d2b6995365170201dee42db",
      "3bd34bead353e6f26e1f925dafe9cd101d694348816fb189b2aad288b76f5ea6",
    ]);
  });
});
