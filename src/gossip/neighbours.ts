import { sample } from "./random.ts";

/** How many linked machines news is passed on to. */
const maxPicks = 6;

/**
 * The machines before and after this one in the order of node ids, so that in a crew where all are linked everybody is on
 * one ring; the rest random and kept while linked, so that nobody can choose whose neighbour to be.
 */
export function pickNeighbours(
  own: string,
  linked: readonly string[],
  kept: readonly string[],
  random: () => number,
): readonly string[] {
  if (linked.length <= maxPicks) return linked;
  const ordered = [...linked, own].toSorted();
  const at = ordered.indexOf(own);
  const ring = [ordered[(at + 1) % ordered.length], ordered.at(at - 1)].filter((node) => node !== undefined);
  const picks = new Set([...ring, ...kept.filter((node) => linked.includes(node))].slice(0, maxPicks));
  const free = linked.filter((node) => !picks.has(node));
  return [...picks, ...sample(free, maxPicks - picks.size, random)];
}
