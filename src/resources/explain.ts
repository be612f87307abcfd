import { HomieError } from "./errors.ts";
import { declaredKinds, findKind } from "./kinds.ts";
import { childNode, resolveNode, rootNode } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import { didYouMean } from "./suggest.ts";
import { apiVersion } from "./types.ts";
import type { DeclaredKind } from "./types.ts";

/** What `homie explain` says about one field. */
export interface Explanation {
  readonly kind: DeclaredKind;
  readonly apiVersion: string;
  /** "job.spec.outputs" */
  readonly path: string;
  /** "string", "integer or string", "[]object", "map of string" */
  readonly type: string;
  readonly description: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly enumValues?: readonly string[];
  readonly example?: unknown;
  /** Fields below it; of the items, for a list. */
  readonly fields: readonly ExplainedField[];
}
export interface ExplainedField {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}
/** A field with all that is below it, for `--recursive`. */
export interface FieldTree extends ExplainedField {
  readonly fields: readonly FieldTree[];
}

/**
 * Explains "job", "job.spec.outputs", "jobs.spec.outputs.paths": lists are walked through without an index. Throws
 * HomieError NotFound with a suggestion.
 */
export function explainField(path: string): Explanation {
  const { kind, node, steps, required } = findField(path);
  const inner = innerNode(kind, node);
  const choices = node.enum ?? (node.const === undefined ? undefined : [node.const]);
  return {
    kind,
    apiVersion,
    path: [kind.toLowerCase(), ...steps].join("."),
    type: typeText(kind, node),
    description: node.description ?? "",
    required,
    ...(node.default === undefined ? {} : { default: node.default }),
    ...(choices === undefined ? {} : { enumValues: choices.map(String) }),
    ...(node.examples?.[0] === undefined ? {} : { example: node.examples[0] }),
    fields: fieldNames(inner).map((name) => explainedField(kind, inner, name)),
  };
}

/** All fields below a path, to any depth. Throws as explainField does. */
export function fieldTree(path: string): readonly FieldTree[] {
  const { kind, node } = findField(path);
  return subtree(kind, innerNode(kind, node));
}

function subtree(kind: DeclaredKind, node: SchemaNode): readonly FieldTree[] {
  return fieldNames(node).map((name) => {
    const child = childNode(kind, node, name) ?? {};
    return { ...explainedField(kind, node, name), fields: subtree(kind, innerNode(kind, child)) };
  });
}

interface FoundField {
  readonly kind: DeclaredKind;
  readonly node: SchemaNode;
  readonly steps: readonly string[];
  readonly required: boolean;
}

function findField(path: string): FoundField {
  const [word = "", ...steps] = path
    .trim()
    .replaceAll(/\[[^\]]*\]/g, "")
    .split(".");
  const kind = declaredKindOf(word);
  let node = rootNode(kind);
  let required = true;
  for (const [index, step] of steps.entries()) {
    const parent = innerNode(kind, node);
    const child = Object.hasOwn(parent.properties ?? {}, step) ? childNode(kind, parent, step) : undefined;
    if (child === undefined) throw unknownStep(kind, steps.slice(0, index), step, fieldNames(parent));
    required = parent.required?.includes(step) ?? false;
    node = child;
  }
  return { kind, node, steps, required };
}

function declaredKindOf(word: string): DeclaredKind {
  const found = findKind(word);
  if (!found.ok) throw new HomieError("NotFound", found.message, { hint: found.hint });
  const kind = declaredKinds.find((candidate) => candidate === found.entry.kind);
  if (kind !== undefined) return kind;
  throw new HomieError("NotFound", `${found.entry.plural} are written by homie only and have no schema`, {
    hint: `known kinds: ${declaredKinds.map((candidate) => candidate.toLowerCase()).join(", ")}`,
  });
}

function unknownStep(
  kind: DeclaredKind,
  before: readonly string[],
  step: string,
  known: readonly string[],
): HomieError {
  const parent = [kind.toLowerCase(), ...before].join(".");
  const list = known.length === 0 ? `${parent} has no fields` : `fields of ${parent}: ${known.join(", ")}`;
  return new HomieError("NotFound", `${parent} has no field "${step.slice(0, 64)}"`, {
    hint: didYouMean(step, known) ?? list,
  });
}

/** The items of a list, however deep; any other node is itself. */
function innerNode(kind: DeclaredKind, node: SchemaNode): SchemaNode {
  return node.items === undefined ? node : innerNode(kind, resolveNode(kind, node.items));
}

function fieldNames(node: SchemaNode): readonly string[] {
  return Object.keys(node.properties ?? {});
}

function explainedField(kind: DeclaredKind, parent: SchemaNode, name: string): ExplainedField {
  const node = childNode(kind, parent, name) ?? {};
  const required = parent.required?.includes(name) ?? false;
  return { name, type: typeText(kind, node), required, description: node.description ?? "" };
}

function typeText(kind: DeclaredKind, node: SchemaNode): string {
  if (node.items !== undefined) return `[]${typeText(kind, resolveNode(kind, node.items))}`;
  if (node.type === "object" && node.properties === undefined && typeof node.additionalProperties === "object") {
    return `map of ${typeText(kind, resolveNode(kind, node.additionalProperties))}`;
  }
  return [node.type ?? "object"].flat().join(" or ");
}
