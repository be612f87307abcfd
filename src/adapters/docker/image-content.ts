import type Docker from "dockerode";
import type { ImageFacts } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { showValue } from "../../resources/show-value.ts";

const digestPattern = /^sha256:[0-9a-f]{64}$/;
/** More than any engine runs: overlay2 ends at 128. */
const maxLayers = 256;
/** An image's configuration is a few KiB; its history can make it long. */
export const maxConfigBytes: number = 1024 * 1024;

export function isDigest(text: string): boolean {
  return digestPattern.test(text);
}

/** The digest without its algorithm, good for a file name. Only for what `checkImage` has seen. */
export function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}

/** What a peer sends of an image is not the image. */
export function rejected(rule: string): HomieError {
  return new HomieError("ImageRejected", `the image from another machine is refused: ${rule}`, {
    hint: "nothing of it is used; update homie on the other machine if the versions differ",
  });
}

/** Digests become file names and addresses below, so nothing else passes. Throws ImageRejected. */
export function checkImage({ imageId, layers }: ImageFacts): void {
  if (layers.length > maxLayers) throw rejected(`it has more than ${maxLayers} layers`);
  const wrong = [imageId, ...layers].find((digest) => !isDigest(digest));
  if (wrong !== undefined) throw rejected(`${showValue(wrong)} is no digest`);
}

/** As Docker writes it: os/architecture, and the variant where there is one. */
function platformOf(os: unknown, architecture: unknown, variant: unknown): string {
  return [os, architecture, variant].filter((part) => typeof part === "string" && part !== "").join("/");
}

export function describeImage(found: Docker.ImageInspectInfo): ImageFacts {
  return {
    imageId: found.Id,
    platform: platformOf(found.Os, found.Architecture, found.Variant),
    layers: layersOf(found),
    bytes: found.Size,
  };
}

export function layersOf(found: Docker.ImageInspectInfo): readonly string[] {
  return (found.RootFS as Docker.ImageInspectInfo["RootFS"] | undefined)?.Layers ?? [];
}

/** Throws ImageRejected unless these bytes, whose digest is known to be right, tell of the image that was described. */
export function checkConfig(bytes: Uint8Array, image: ImageFacts): void {
  const config = parseObject(bytes);
  const rootfs = config["rootfs"] as { readonly type?: unknown; readonly diff_ids?: unknown } | null | undefined;
  if (rootfs?.type !== "layers" || !isSameList(rootfs.diff_ids, image.layers))
    throw rejected("its configuration names other layers");
  const platform = platformOf(config["os"], config["architecture"], config["variant"]);
  if (platform !== image.platform)
    throw rejected(`it is for ${showValue(platform)} and was said to be for ${showValue(image.platform)}`);
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw rejected("its configuration is no JSON object");
}

export function isSameList(found: unknown, expected: readonly string[]): boolean {
  return (
    Array.isArray(found) &&
    found.length === expected.length &&
    expected.every((each, index) => each === (found as readonly unknown[])[index])
  );
}
