/** Thrown inside the decoder only; a message that ends too early or holds a number too large. */
export class Truncated extends Error {}

/** Whole numbers to 2^53 - 1: seven bits a byte, lowest first, the top bit says that more follow (LEB128). */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Reads one message from front to back; throws Truncated past its end. */
export class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new Truncated();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 53; factor *= 128) {
      const [byte = 0] = this.take(1);
      value += (byte % 128) * factor;
      if (!Number.isSafeInteger(value)) throw new Truncated();
      if (byte < 128) return value;
    }
    throw new Truncated();
  }
}
