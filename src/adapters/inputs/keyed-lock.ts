/** One holder a key, first come first served. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<void>>();

  /** Answers what gives it back. */
  async take(key: string): Promise<() => void> {
    const before = this.#last.get(key);
    const turn = Promise.withResolvers<void>();
    this.#last.set(key, turn.promise);
    await before;
    return () => {
      if (this.#last.get(key) === turn.promise) this.#last.delete(key);
      turn.resolve();
    };
  }
}
