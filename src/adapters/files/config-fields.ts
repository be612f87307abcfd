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

interface Reader {
  readonly root: unknown;
  readonly problems: Problem[];
  readonly asked: Set<string>;
  lineOf(node: unknown): number;
  reject(path: string, node: unknown, message: string): undefined;
  /** Undefined for a key that is absent or empty. */
  node(key: string): Node | undefined;
  scalar(key: string): { readonly node: Node; readonly value: unknown; readonly source: string } | undefined;
}

export function createConfigFields(document: Document, lines: LineCounter, file: string): ConfigFields {
  const warnings: string[] = [];
  const reader = createReader(document.contents, lines, file);
  const { root, reject, scalar } = reader;
  const isEmpty = isScalar(root) && root.value === null;
  if (isNode(root) && !isMap(root) && !isEmpty) reject("", root, 'is not a list of "key: value" lines');
  return {
    problems: reader.problems,
    warnings,
    warn: (key, message) => void warnings.push(`${file}:${reader.lineOf(reader.node(key))}: ${key}: ${message}`),
    text: (key) => {
      const found = scalar(key);
      // A secret of digits is a number to YAML; what was typed is what is meant.
      return typeof found?.value === "string" ? found.value : found?.source;
    },
    number: (key, minimum, maximum) => readNumber(reader, key, { minimum, maximum, whole: false }),
    integer: (key, minimum, maximum) => readNumber(reader, key, { minimum, maximum, whole: true }),
    flag: (key) => {
      const found = scalar(key);
      if (found === undefined || typeof found.value === "boolean") return found?.value as boolean | undefined;
      return reject(key, found.node, `must be true or false, not ${found.source}`);
    },
    quantity: (key) => {
      const found = scalar(key);
      if (found === undefined) return undefined;
      if (typeof found.value === "number" || typeof found.value === "string") return found.value;
      return reject(key, found.node, `must be a number or a size such as 4g, not ${found.source}`);
    },
    images: (key) => readImages(reader, key),
    unknown: () => {
      const pairs = (isMap(root) ? root.items : []).filter((pair) => !reader.asked.has(keyText(pair.key)));
      for (const { key } of pairs)
        warnings.push(`${file}:${reader.lineOf(key)}: unknown key "${keyText(key)}" is ignored`);
      return Object.fromEntries(
        pairs.map(({ key, value }) => [keyText(key), isNode(value) ? (value.toJS(document) as unknown) : value]),
      );
    },
  };
}

function createReader(root: unknown, lines: LineCounter, file: string): Reader {
  const problems: Problem[] = [];
  const asked = new Set<string>();
  const place = (node: unknown): { readonly line: number; readonly column: number } => {
    const offset = isNode(node) ? node.range?.[0] : undefined;
    const at = offset === undefined ? { line: 1, col: 1 } : lines.linePos(offset);
    return { line: at.line, column: at.col };
  };
  const reject = (path: string, node: unknown, message: string): undefined => {
    problems.push({ file, ...place(node), document: 0, path, message });
  };
  const nodeOf = (key: string): Node | undefined => {
    asked.add(key);
    const node = isMap(root) ? root.get(key, true) : undefined;
    return node === undefined || node.value === null ? undefined : node;
  };
  return {
    root,
    problems,
    asked,
    reject,
    lineOf: (node) => place(node).line,
    node: nodeOf,
    scalar: (key) => {
      const node = nodeOf(key);
      if (node === undefined) return undefined;
      if (!isScalar(node)) return reject(key, node, "is not a single value");
      return { node, value: node.value, source: node.source ?? String(node.value) };
    },
  };
}

function readNumber(
  reader: Reader,
  key: string,
  range: { readonly minimum: number; readonly maximum: number; readonly whole: boolean },
): number | undefined {
  const found = reader.scalar(key);
  if (found === undefined) return undefined;
  const { value } = found;
  const { minimum, maximum, whole } = range;
  if (typeof value === "number" && value >= minimum && value <= maximum && (!whole || Number.isInteger(value)))
    return value;
  const wanted = `a ${whole ? "whole " : ""}number from ${minimum} to ${maximum}`;
  return reader.reject(key, found.node, `must be ${wanted}, not ${found.source}`);
}

function readImages(reader: Reader, key: string): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  const node = reader.node(key);
  if (node !== undefined && !isMap(node)) reader.reject(key, node, 'must be lines of "name: image"');
  for (const { key: nameNode, value } of isMap(node) ? node.items : []) {
    const image = isMap(value) ? value.get("image") : isScalar(value) ? value.value : undefined;
    if (typeof image === "string" && image !== "") images.set(keyText(nameNode), image);
    else reader.reject(`${key}.${keyText(nameNode)}`, value, "must be the name of an image");
  }
  return images;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : "";
}
