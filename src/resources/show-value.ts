/** Where a value is: field names and list indexes from the top of the document. */
export type Segments = readonly (string | number)[];

/** "spec.outputs[0].paths"; names with dots or odd characters are quoted as in JSONPath: labels["a.b/c"]. */
export function formatPath(segments: Segments): string {
  let text = "";
  for (const segment of segments) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (/^[A-Za-z_][\w-]{0,127}$/.test(segment)) text += text === "" ? segment : `.${segment}`;
    else text += `[${showValue(segment)}]`;
  }
  return text;
}

/** Longest piece of a person's value that a message repeats. */
const shownLength = 80;

/** A value as JSON for a message: short, one line, and inert in a terminal whatever it holds. */
export function showValue(value: unknown): string {
  if (value === undefined || (typeof value === "number" && !Number.isFinite(value))) return String(value);
  const cut = typeof value === "string" ? value.slice(0, shownLength + 1) : value;
  const text = escapeUnseen(JSON.stringify(cut));
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

/** Text of a file in one line: what a terminal would act on, or not show, is spelt out. */
export function escapeUnseen(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\u0000-\u001f\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
