import { kindSchemas } from "./generated/schemas.ts";
import type { Segments } from "./show-value.ts";
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
