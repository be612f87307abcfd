/**
 * "docker.io/library/python" as people write it: "python:latest". One image has many names, and an allow list must not
 * depend on which of them a Job uses.
 */
export function familiarImage(reference: string): string {
  const short = withoutHub(reference);
  const named = short.lastIndexOf(":") > short.lastIndexOf("/") || short.includes("@");
  return named ? short : `${short}:latest`;
}

/** An entry of Limits allow.images, written as `familiarImage` writes images. */
export function familiarGlob(glob: string): string {
  return /[*?]/.test(glob) ? withoutHub(glob) : familiarImage(glob);
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

function withoutHub(reference: string): string {
  const path = /^(?:index\.)?docker\.io\/(.+)$/.exec(reference)?.[1] ?? reference;
  return /^library\/([^/]+)$/.exec(path)?.[1] ?? path;
}
