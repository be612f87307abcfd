import type { OutputPiece } from "./demultiplex.ts";

/** What a log file already holds of one stream. */
export interface CapturedPart {
  readonly bytes: number;
  /** The last of those bytes, at most a few KiB. */
  readonly tail: Uint8Array;
}
export interface CapturedParts {
  readonly stdout: CapturedPart;
  readonly stderr: CapturedPart;
  /** Counted but not kept by a full log, of both streams together. */
  readonly droppedBytes: number;
}

export interface CaptureResumption {
  /** The part of a piece that the log does not have yet, or `mismatch` when the engine's log is another one. */
  accept(piece: OutputPiece): Uint8Array | "mismatch";
}

/**
 * Replays the engine's log over what is captured: skips exactly the captured bytes of each stream, by count, and
 * compares the end of them on the way. A rotated or thinned engine log shows as a mismatch there.
 */
export function resumeAfter(captured: CapturedParts): CaptureResumption {
  const seen = { stdout: 0, stderr: 0 };
  let countedBytes = captured.droppedBytes;
  function withoutCounted(bytes: Uint8Array): Uint8Array {
    const fresh = bytes.subarray(countedBytes);
    countedBytes -= bytes.length - fresh.length;
    return fresh;
  }
  return {
    accept({ stream, bytes }): Uint8Array | "mismatch" {
      const part = captured[stream];
      const from = seen[stream];
      seen[stream] = from + bytes.length;
      if (from >= part.bytes) return withoutCounted(bytes);
      const known = bytes.subarray(0, part.bytes - from);
      return agrees(part, from, known) ? withoutCounted(bytes.subarray(known.length)) : "mismatch";
    },
  };
}

/** Compares the overlap of `known`, which starts at offset `from` of the stream, with the captured tail. */
function agrees(part: CapturedPart, from: number, known: Uint8Array): boolean {
  const tailFrom = part.bytes - part.tail.length;
  const skip = Math.max(0, tailFrom - from);
  if (skip >= known.length) return true;
  const overlap = known.subarray(skip);
  const at = from + skip - tailFrom;
  return Buffer.compare(overlap, part.tail.subarray(at, at + overlap.length)) === 0;
}
