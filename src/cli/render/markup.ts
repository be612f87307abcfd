import { escapeHidden, hasHidden } from "./safe-text.ts";

/** JSON for scripts and eyes: two-space indent, hidden characters escaped, ends in a line break. */
export function renderJson(value: unknown): string {
  return `${escapeHidden(JSON.stringify(value, undefined, 2))}\n`;
}

/** YAML with the same content; strings with hidden characters are double-quoted so that escapes can carry them. */
export async function renderYaml(value: unknown): Promise<string> {
  const { Document, visit, isScalar } = await import("yaml");
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (isScalar(node) && typeof node.value === "string" && hasHidden(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  return escapeHidden(document.toString({ lineWidth: 0 }));
}
