import { kindSchemas } from "./generated/schemas.ts";
import type { DeclaredKind } from "./types.ts";

/** The part of JSON Schema that schemas/ uses; see schemas/*.schema.json. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
}

/** Where a value is: field names and list indexes from the top of the document. */
export type Segments = readonly (string | number)[];

export function rootNode(kind: DeclaredKind): SchemaNode {
  return kindSchemas[kind];
}

/** Follows a reference; a description beside the reference is the more exact one. */
export function resolveNode(kind: DeclaredKind, node: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const target = rootNode(kind).$defs?.[node.$ref.replace("#/$defs/", "")];
  if (target === undefined) throw new TypeError(`schema ${kind} refers to ${node.$ref}, which it does not define`);
  return node.description === undefined ? target : { ...target, description: node.description };
}

/** The schema of the value behind one step: a list's items for an index, a field for a name. */
export function childNode(kind: DeclaredKind, node: SchemaNode, segment: string | number): SchemaNode | undefined {
  if (typeof segment === "number") return node.items === undefined ? undefined : resolveNode(kind, node.items);
  const { properties, additionalProperties } = node;
  if (properties !== undefined && Object.hasOwn(properties, segment)) {
    return resolveNode(kind, properties[segment] ?? {});
  }
  return typeof additionalProperties === "object" ? resolveNode(kind, additionalProperties) : undefined;
}

export function nodeAt(kind: DeclaredKind, segments: Segments): SchemaNode | undefined {
  let node: SchemaNode | undefined = rootNode(kind);
  for (const segment of segments) {
    if (node === undefined) return undefined;
    node = childNode(kind, node, segment);
  }
  return node;
}

/** Fields an object may have; undefined where any name is allowed (labels, status). */
export function closedFields(node: SchemaNode): readonly string[] | undefined {
  return node.additionalProperties === false ? Object.keys(node.properties ?? {}) : undefined;
}

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
