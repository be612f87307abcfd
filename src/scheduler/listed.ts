/** A list may be long; who is refused by it needs an idea of it. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return names.slice(0, 3).join(", ") + more;
}
