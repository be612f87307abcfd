/** So many messages a second, with room for a burst. Time comes from a monotonic clock. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** False: over the rate; drop what asked. */
  take(nowMs: number): boolean {
    const gained = (Math.max(0, nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** One bucket a key; keys beyond `most` push out the oldest. */
export class TokenBuckets {
  readonly #make: (nowMs: number) => TokenBucket;
  readonly #most: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(make: (nowMs: number) => TokenBucket, most: number) {
    this.#make = make;
    this.#most = most;
  }

  take(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? this.#make(nowMs);
    // Taken out and put in again, so that the order of the map is the order of use.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#most) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket.take(nowMs);
  }
}
