import { isMap, isNode, isScalar, type Document, type LineCounter, type Node } from "yaml";
import type { Problem } from "../../resources/documents.ts";

/** Typed access to the keys of config.yaml. What is wrong is collected with its line instead of thrown. */
export interface ConfigFields {
  text(key: string): string | undefined;
  number(key: string, minimum: number, maximum: number): number | undefined;
  integer(key: string, minimum: number, maximum: number): number | undefined;
  flag(key: string): boolean | undefined;
  quantity(key: string): string | number | undefined;
  /** `{ml: image}` or `{ml: {image: image}}`. */
  images(key: string): ReadonlyMap<string, string>;
  /** Every key nobody asked for, each with a warning. */
  unknown(): Readonly<Record<string, unknown>>;
  warn(key: string, message: string): void;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

export function createConfigFields(document: Document, lines: LineCounter, file: string): ConfigFields {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const asked = new Set<string>();
  const root = document.contents;
  if (isNode(root) && !isMap(root) && !(isScalar(root) && root.value === null)) reject("", root, 'is not a list of "key: value" lines');

  function place(node: unknown): { readonly line: number; readonly column: number } {
    const offset = isNode(node) ? node.range?.[0] : undefined;
    const at = offset === undefined ? { line: 1, col: 1 } : lines.linePos(offset);
    return { line: at.line, column: at.col };
  }
  function reject(path: string, node: unknown, message: string): undefined {
    problems.push({ file, ...place(node), document: 0, path, message });
  }
  /** Undefined for a key that is absent or empty. */
  function nodeOf(key: string): Node | undefined {
    asked.add(key);
    const node = isMap(root) ? root.get(key, true) : undefined;
    return node === undefined || node.value === null ? undefined : node;
  }
  function scalar(key: string): { readonly node: Node; readonly value: unknown; readonly source: string } | undefined {
    const node = nodeOf(key);
    if (node === undefined) return undefined;
    if (!isScalar(node)) return reject(key, node, "is not a single value");
    return { node, value: node.value, source: node.source ?? String(node.value) };
  }
  function numberIn(key: string, minimum: number, maximum: number, whole: boolean): number | undefined {
    const found = scalar(key);
    if (found === undefined) return undefined;
    const { value } = found;
    if (typeof value === "number" && value >= minimum && value <= maximum && (!whole || Number.isInteger(value))) return value;
    return reject(key, found.node, `must be a ${whole ? "whole " : ""}number from ${minimum} to ${maximum}, not ${found.source}`);
  }

  return {
    problems,
    warnings,
    warn: (key, message) => void warnings.push(`${file}:${place(nodeOf(key)).line}: ${key}: ${message}`),
    text: (key) => {
      const found = scalar(key);
      // A secret of digits is a number to YAML; what was typed is what is meant.
      return found === undefined ? undefined : typeof found.value === "string" ? found.value : found.source;
    },
    number: (key, minimum, maximum) => numberIn(key, minimum, maximum, false),
    integer: (key, minimum, maximum) => numberIn(key, minimum, maximum, true),
    flag: (key) => {
      const found = scalar(key);
      if (found === undefined || typeof found.value === "boolean") return found?.value as boolean | undefined;
      return reject(key, found.node, `must be true or false, not ${found.source}`);
    },
    quantity: (key) => {
      const found = scalar(key);
      if (found === undefined || typeof found.value === "number" || typeof found.value === "string") {
        return found?.value as string | number | undefined;
      }
      return reject(key, found.node, `must be a number or a size such as 4g, not ${found.source}`);
    },
    images: (key) => {
      const images = new Map<string, string>();
      const node = nodeOf(key);
      if (node !== undefined && !isMap(node)) reject(key, node, 'must be lines of "name: image"');
      if (!isMap(node)) return images;
      for (const pair of node.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : "";
        const value = isMap(pair.value) ? pair.value.get("image") : isScalar(pair.value) ? pair.value.value : undefined;
        if (typeof value === "string" && value !== "") images.set(name, value);
        else reject(`${key}.${name}`, pair.value, "must be the name of an image");
      }
      return images;
    },
    unknown: () => {
      const unknown: [string, unknown][] = [];
      for (const pair of isMap(root) ? root.items : []) {
        const key = isScalar(pair.key) ? String(pair.key.value) : "";
        if (asked.has(key)) continue;
        unknown.push([key, isNode(pair.value) ? pair.value.toJS(document) : pair.value]);
        warnings.push(`${file}:${place(pair.key).line}: unknown key "${key}" is ignored`);
      }
      return Object.fromEntries(unknown);
    },
  };
}
