/**
 * Places of the ranks, highest rank first; equal ones stay in their order. Ranks are whole numbers, and their range times
 * their number is below 2^53. One number holds rank and place: sorting those needs no callback, which is most of what
 * a decision among a thousand peers would cost.
 */
export function bestFirst(ranks: readonly number[]): readonly number[] {
  const count = ranks.length;
  let highest = -Infinity;
  for (const rank of ranks) if (rank > highest) highest = rank;
  const keys = new Float64Array(count);
  for (let place = 0; place < count; place += 1) keys[place] = (highest - (ranks[place] ?? 0)) * count + place;
  keys.sort();
  const places: number[] = [];
  for (const key of keys) places.push(key % count);
  return places;
}
