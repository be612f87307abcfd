/** Numbers from 0 up to 1 that follow from one handed in (mulberry32). Not for secrets. */
export function createRandom(seed: number): () => number {
  let word = Math.floor(seed * 2 ** 32) >>> 0;
  return () => {
    word = (word + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(word ^ (word >>> 15), word | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Up to `count` of the items, in random order. */
export function sample<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  const pool = [...items];
  const chosen: T[] = [];
  while (chosen.length < count && pool.length > 0) chosen.push(...pool.splice(Math.floor(random() * pool.length), 1));
  return chosen;
}
