import { showValue } from "./show-value.ts";

/** Longer words are cut for the comparison: the work stays bounded whatever a file says. */
const comparedLength = 64;

/**
 * The known word a person probably meant, or undefined. Compares without case by optimal string alignment distance
 * (a swap of neighbours counts as one slip), and allows about one slip in three letters; the
 * beginning of a word counts as one.
 */
export function suggest(word: string, known: Iterable<string>): string | undefined {
  const typed = word.slice(0, comparedLength).toLowerCase();
  if (typed === "") return undefined;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const isBeginning = typed.length >= 3 && candidate.toLowerCase().startsWith(typed);
    const distance = isBeginning ? 1 : alignmentDistance(typed, candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(typed.length, candidate.length) / 3));
    if (distance > allowed || distance >= candidate.length) continue;
    if (best === undefined || distance < best.distance) best = { word: candidate, distance };
  }
  return best?.word;
}

/** `did you mean "image"?`, ready to be a hint; `known` may come from a file. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const meant = suggest(word, known);
  return meant === undefined ? undefined : `did you mean ${showValue(meant)}?`;
}

function alignmentDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (isSwap(a, b, i, j)) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}

/** Whether the two letters before these positions are each other's neighbours the wrong way round. */
function isSwap(a: string, b: string, i: number, j: number): boolean {
  return i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
}
