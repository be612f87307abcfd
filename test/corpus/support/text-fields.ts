import { declaredKinds } from "../../../src/resources/kinds.ts";
import { childNode, rootNode, type SchemaNode } from "../../../src/resources/schema-nodes.ts";
import type { Segments } from "../../../src/resources/show-value.ts";
import { apiVersion, type DeclaredKind } from "../../../src/resources/types.ts";

/** Longer texts than this are granted to some fields: arguments, values of variables, annotations. */
const shortTextLength = 50_000;

/** Every place in every kind where a short text of free choice may stand. */
export function shortTextFields(): readonly (readonly [kind: DeclaredKind, at: Segments])[] {
  return declaredKinds.flatMap((kind) => fieldsBelow(kind, rootNode(kind), []).map((at) => [kind, at] as const));
}

/** An index is 0, and a key that may be anything is "k". */
function fieldsBelow(kind: DeclaredKind, node: SchemaNode, at: Segments): readonly Segments[] {
  if (at.length > 8 || ["status", "kind", "apiVersion"].includes(String(at[0]))) return [];
  const isShort = node.enum === undefined && (node.maxLength ?? 0) < shortTextLength;
  const isText = [node.type].flat().includes("string") && isShort;
  const names = Object.keys(node.properties ?? {});
  if (typeof node.additionalProperties === "object") names.push("k");
  const below = [...names, ...(node.items === undefined ? [] : [0])].flatMap((step) => {
    const child = childNode(kind, node, step);
    return child === undefined ? [] : fieldsBelow(kind, child, [...at, step]);
  });
  return [...(isText ? [at] : []), ...below];
}

/** A document of the kind that holds nothing but the text at that place. */
export function documentWith(kind: DeclaredKind, at: Segments, text: string): unknown {
  const document: Record<string, unknown> = { apiVersion, kind, metadata: { name: "default" }, spec: {} };
  let place = document;
  for (const [index, step] of at.entries()) {
    const next = at[index + 1];
    if (next === undefined) place[step] = text;
    else place = (place[step] ??= typeof next === "number" ? [] : {}) as Record<string, unknown>;
  }
  return document;
}
