/** Sums of decimal cores (0.1 + 0.2) must not refuse the last slot. */
export const tolerance = 1e-6;

/** False as well where either is no number: what cannot be compared is not lent. */
export function fits(need: number, free: number): boolean {
  return need <= free + tolerance;
}

/**
 * Whether the text is like one of the globs: `*` for any characters, `?` for one. Without a regular expression, so that
 * a pattern of many stars costs its length times the text's and no more.
 */
export function matchesAny(globs: readonly string[], text: string): boolean {
  return globs.some((glob) => matchesGlob(glob, text));
}

function matchesGlob(glob: string, text: string): boolean {
  let [at, mark] = [0, 0];
  let star = -1;
  let index = 0;
  while (index < text.length) {
    if (at < glob.length && glob[at] === "*") {
      star = at;
      at += 1;
      mark = index;
    } else if (at < glob.length && (glob[at] === "?" || glob[at] === text[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      // The last star takes one more character.
      at = star + 1;
      mark += 1;
      index = mark;
    } else return false;
  }
  while (glob[at] === "*") at += 1;
  return at === glob.length;
}
