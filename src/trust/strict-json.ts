/**
 * Reads JSON from a stranger. Accepts exactly what JSON.stringify writes (no spaces, no doubled keys, no number that
 * does not survive), at most `maxBytes` long and `maxDepth` deep, and no key named `__proto__`. Undefined otherwise.
 */
export function decodeStrictJson(
  bytes: Uint8Array,
  limits: { readonly maxBytes: number; readonly maxDepth: number },
): unknown {
  if (bytes.length === 0 || bytes.length > limits.maxBytes) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (depthOf(text) > limits.maxDepth || text.includes('"__proto__"')) return undefined;
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined; // no UTF-8, or no JSON: the caller counts it
  }
}

/** Counted before parsing, so that a thousand brackets never reach a parser. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const letter = text[index];
    if (inString) {
      if (letter === "\\") index++;
      else if (letter === '"') inString = false;
    } else if (letter === '"') inString = true;
    else if (letter === "[" || letter === "{") deepest = Math.max(deepest, ++depth);
    else if (letter === "]" || letter === "}") depth--;
  }
  return deepest;
}
