import { beforeEach, describe, expect, it } from "vitest";
import { createImages } from "../../../src/adapters/docker/image.ts";
import type { ImageOutcome } from "../../../src/controllers/attempt/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { digestOf, FakeImageEngine } from "../../support/image-engine.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const [layer, other] = [Buffer.from("layer"), Buffer.from("other")];

describe("an image that another machine means by its content", () => {
  let engine: FakeImageEngine;
  let imageId: string;
  beforeEach(() => {
    engine = new FakeImageEngine();
    imageId = new FakeImageEngine().make("app:1", [layer]);
  });

  function prepare(name?: string): Promise<ImageOutcome> {
    const { signal } = new AbortController();
    return createImages(engine, new FakeClock(), quiet).prepareExact(imageId, name, signal);
  }

  it("is used whatever it is called here", async () => {
    engine.make("mine:7", [layer]);
    engine.make("app:1", [other]);
    expect(await prepare("app:1")).toEqual({ ok: true, imageId });
    expect(await prepare()).toEqual({ ok: true, imageId });
    expect(engine.pulled).toEqual([]);
  });

  it("is never replaced by an image of the same name, and that name does not move", async () => {
    const own = engine.make("app:1", [other]);
    engine.registry.set("app:1", [layer]);
    expect(await prepare("app:1")).toMatchObject({
      ok: false,
      message: expect.stringContaining("another one than on the submitter") as string,
    });
    expect(engine.pulled).toEqual([]);
    expect(engine.tags.get("app:1")).toBe(own);
  });

  it("is pulled by name when it is absent and the registry has that very image", async () => {
    engine.registry.set("app:1", [layer]);
    expect(await prepare("app:1")).toEqual({ ok: true, imageId });
    expect(engine.pulled).toEqual(["app:1"]);
  });

  it("is missing when the registry has another one of that name", async () => {
    engine.registry.set("app:1", [other]);
    expect(await prepare("app:1")).toMatchObject({ ok: false, reason: "ImageMissing" });
  });

  it("is missing when nobody has it, and no registry is asked for an id", async () => {
    expect(await prepare("app:1")).toMatchObject({ ok: false, reason: "ImageMissing" });
    expect(await prepare()).toMatchObject({ ok: false, reason: "ImageMissing" });
    imageId = digestOf("absent").slice(7);
    expect(await prepare()).toMatchObject({ ok: false, reason: "ImageMissing" });
    expect(engine.pulled).toEqual(["app:1"]);
  });
});
