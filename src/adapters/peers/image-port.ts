import type { ImageFacts } from "../../resources/attempt.ts";

export interface MissingLayer {
  /** `sha256:HEX` of the uncompressed layer; the image's id for its configuration, which is always among them. */
  readonly diffId: string;
  /** Bytes of it that came before a cut. */
  readonly have: number;
}

/** Images between machines without a registry: only layers the other end lacks travel. */
export interface ImageShare {
  /** The image of this name as it is here; undefined when it is not. */
  describe(reference: string): Promise<ImageFacts | undefined>;
  lacking(
    image: ImageFacts,
  ): Promise<{ readonly present: true } | { readonly present: false; readonly missing: readonly MissingLayer[] }>;
  exportLayers(image: ImageFacts, missing: readonly MissingLayer[], signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Takes in what `lacking` named. Throws ImageRejected when it is not the image that was described. */
  importLayers(
    image: ImageFacts,
    stream: AsyncIterable<Uint8Array>,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<void>;
}
