/** Largest body of a frame: a gossip message of 256 KiB. */
export const maxFrameBytes: number = 256 * 1024;

export const frameTypes = { heartbeat: 1, echo: 2, gossip: 3, bye: 4, known: 5, membership: 6, path: 7 } as const;
export type FrameName = keyof typeof frameTypes;

const headBytes = 5;
const names = new Map<number, FrameName>(Object.entries(frameTypes).map(([name, type]) => [type, name as FrameName]));

/** length u32 of the body, type u8, body. */
export function encodeFrame(name: FrameName, body: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(body.length, 0);
  head.writeUInt8(frameTypes[name], 4);
  return Buffer.concat([head, body]);
}

export interface Frame {
  /** Undefined for a type of a later version: to be passed over. */
  readonly name: FrameName | undefined;
  readonly body: Uint8Array;
}

/** Cuts a stream of bytes into frames. Answers "broken" for ever after a length over the limit. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Nothing is joined before so much is there: a long frame that comes byte by byte is copied once, not each time. */
  #needed = headBytes;
  #broken = false;

  push(chunk: Uint8Array): readonly Frame[] | "broken" {
    if (this.#broken) return "broken";
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    while (this.#size >= this.#needed) {
      const joined = this.#join();
      const length = joined.readUInt32BE(0);
      if (length > maxFrameBytes) {
        this.#broken = true;
        this.#chunks = [];
        return "broken";
      }
      this.#needed = headBytes + length;
      if (this.#size < this.#needed) break;
      frames.push({ name: names.get(joined.readUInt8(4)), body: joined.subarray(headBytes, headBytes + length) });
      this.#chunks = [joined.subarray(headBytes + length)];
      this.#size -= headBytes + length;
      this.#needed = headBytes;
    }
    return frames;
  }

  #join(): Buffer {
    const [only] = this.#chunks;
    const joined = this.#chunks.length === 1 && Buffer.isBuffer(only) ? only : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
