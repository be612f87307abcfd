/**
 * One text for one value, whatever the order its fields were written in: keys sorted by UTF-16 code unit (as RFC 8785
 * does), undefined fields left out, no spaces. Equal texts mean equal content, so it is what hashes are taken over.
 * Throws TypeError for what JSON has no text for (functions, bigint, NaN).
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, content]) => content !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, content]) => `${JSON.stringify(key)}:${canonicalJson(content)}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`JSON has no text for a ${typeof value}`);
  return text;
}

/** As comparing their canonical texts, without making them: same content, whatever the order of keys. */
export function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => sameContent(item ?? null, b[index] ?? null));
  if (isFields(a) && isFields(b)) return sameFields(a, b);
  return canonicalJson(a) === canonicalJson(b);
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sameFields(a: Fields, b: Fields): boolean {
  const names = Object.keys(a).filter((name) => a[name] !== undefined);
  if (names.length !== Object.keys(b).filter((name) => b[name] !== undefined).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && sameContent(a[name], b[name]));
}
