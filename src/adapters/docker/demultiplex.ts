import { HomieError } from "../../resources/errors.ts";

/** Bytes of one output stream, in the order the engine sent them. */
export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

export interface Demultiplexer {
  /** Bytes as they come off the wire; frames may be cut anywhere, header included. */
  push(chunk: Uint8Array): readonly OutputPiece[];
  /** True between frames: a stream that ends elsewhere was cut. */
  atBoundary(): boolean;
}

const headerBytes = 8;
const streams: readonly (OutputPiece["stream"] | undefined)[] = [undefined, "stdout", "stderr"];

/**
 * Splits the engine's attach and log streams: `stream u8 | 0 0 0 | length u32`, then the bytes, big endian
 * (https://docs.docker.com/reference/api/engine/, "Stream format"). A frame's bytes are passed on as they arrive,
 * so a frame of any size needs no buffer.
 */
export function createDemultiplexer(): Demultiplexer {
  const header = Buffer.alloc(headerBytes);
  let headerFilled = 0;
  let left = 0;
  let stream: OutputPiece["stream"] = "stdout";

  function takeHeader(chunk: Uint8Array, from: number): number {
    const part = chunk.subarray(from, from + headerBytes - headerFilled);
    header.set(part, headerFilled);
    headerFilled += part.length;
    if (headerFilled === headerBytes) {
      stream = parseStream(header);
      left = header.readUInt32BE(4);
      if (left === 0) headerFilled = 0;
    }
    return from + part.length;
  }

  return {
    push(chunk): readonly OutputPiece[] {
      const pieces: OutputPiece[] = [];
      let at = 0;
      while (at < chunk.length) {
        if (left === 0) {
          at = takeHeader(chunk, at);
          continue;
        }
        const bytes = chunk.subarray(at, at + left);
        pieces.push({ stream, bytes });
        at += bytes.length;
        left -= bytes.length;
        if (left === 0) headerFilled = 0;
      }
      return pieces;
    },
    atBoundary: () => headerFilled === 0,
  };
}

function parseStream(header: Buffer): OutputPiece["stream"] {
  const named = streams[header[0] ?? 0];
  if (named === undefined || header.readUIntBE(1, 3) !== 0) {
    throw new HomieError(
      "EngineUnavailable",
      `the engine's output stream has no frame header (${header.toString("hex")})`,
      {
        hint: "the engine may not be Docker-compatible; run `homie doctor`",
      },
    );
  }
  return named;
}
