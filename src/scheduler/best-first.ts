/**
 * Places of the ranks, highest rank first; equal ones stay in their order. Ranks are whole numbers, and their range times
 * their number is below 2^32. One integer holds rank and place: sorting those needs no callback, which would be most of
 * what a decision among a thousand peers costs.
 */
export function bestFirst(ranks: readonly number[]): Uint32Array {
  const count = ranks.length;
  let highest = -Infinity;
  for (const rank of ranks) if (rank > highest) highest = rank;
  const keys = new Uint32Array(count);
  for (let place = 0; place < count; place += 1) keys[place] = (highest - (ranks[place] ?? 0)) * count + place;
  keys.sort();
  for (let index = 0; index < count; index += 1) keys[index] = (keys[index] ?? 0) % count;
  return keys;
}
