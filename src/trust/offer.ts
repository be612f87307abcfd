import type { ImageFacts, InputRoot } from "../resources/attempt.ts";
import { FieldReader } from "./field-reader.ts";
import { decodeStrictJson } from "./strict-json.ts";

const digest = { max: 71, pattern: /^sha256:[0-9a-f]{64}$/ };
const hex = { max: 64, pattern: /^[0-9a-f]{64}$/ };
const platform = { max: 80, pattern: /^[a-z0-9]{1,32}\/[a-z0-9_]{1,32}(?:\/v[0-9]{1,2})?$/ };
const maxOfferBytes = 512 * 1024;

/** The files and the image of one attempt, as `{attempt, inputs, image?}`; or what is wrong with them. */
export function parseOffer(
  bytes: Uint8Array,
  attempt: string,
): { readonly inputs: InputRoot; readonly image?: ImageFacts } | string {
  const decoded = decodeStrictJson(bytes, { maxBytes: maxOfferBytes, maxDepth: 6 });
  if (decoded === undefined) return "the offer is no strict JSON of an acceptable size";
  const read = new FieldReader(decoded);
  // An offer is sealed: named here, it is good for no other attempt.
  if (read.text("attempt", { max: 48 }) !== attempt) read.check("attempt", "is another one");
  const inputs = readRoot(read.object("inputs"));
  const image = read.has("image") ? readImage(read.object("image")) : undefined;
  if (read.problem !== undefined) return `the offer is malformed: ${read.problem}`;
  return { inputs, ...(image === undefined ? {} : { image }) };
}

function readRoot(read: FieldReader): InputRoot {
  return {
    entries: read.whole("entries", 0, 100_000),
    bytes: read.whole("bytes", 0, 2 ** 50),
    chunks: read.objects("chunks", 4_096).map((chunk) => ({
      sha256: chunk.text("sha256", hex),
      bytes: chunk.whole("bytes", 1, 2 ** 20),
    })),
  };
}

function readImage(read: FieldReader): ImageFacts {
  return {
    imageId: read.text("imageId", digest),
    platform: read.text("platform", platform),
    layers: read.texts("layers", 256, digest),
    bytes: read.whole("bytes", 0, 2 ** 50),
  };
}
