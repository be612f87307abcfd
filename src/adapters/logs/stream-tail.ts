/** Keeps the last bytes of a stream in constant memory. */
export class StreamTail {
  readonly #ring: Buffer;
  #total = 0;

  constructor(capacity: number) {
    this.#ring = Buffer.alloc(capacity);
  }

  add(bytes: Uint8Array): void {
    const capacity = this.#ring.length;
    const kept = bytes.subarray(Math.max(0, bytes.length - capacity));
    const start = (this.#total + bytes.length - kept.length) % Math.max(1, capacity);
    const first = kept.subarray(0, capacity - start);
    this.#ring.set(first, start);
    this.#ring.set(kept.subarray(first.length), 0);
    this.#total += bytes.length;
  }

  /** At most `n` bytes, fewer if there are fewer or the ring is smaller. */
  last(n: number): Buffer {
    const count = Math.min(n, this.#total, this.#ring.length);
    const end = this.#total % Math.max(1, this.#ring.length);
    if (count <= end) return Buffer.from(this.#ring.subarray(end - count, end));
    return Buffer.concat([this.#ring.subarray(this.#ring.length - (count - end)), this.#ring.subarray(0, end)]);
  }
}
