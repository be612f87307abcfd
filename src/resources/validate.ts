import { fieldIssue } from "./field-issue.ts";
import type { FieldIssue } from "./field-issue.ts";
import { validateJob, validateLimits, validateNetwork, validatePeer } from "./generated/validators.js";
import type { SchemaError, Validate } from "./generated/validators.js";
import { declaredKinds, findKind } from "./kinds.ts";
import { describeFound, explainSchemaError, unknownField } from "./schema-issues.ts";
import { childNode, closedFields, rootNode } from "./schema-nodes.ts";
import { showValue } from "./show-value.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import type { Segments } from "./show-value.ts";
import { specIssues } from "./spec-rules.ts";
import { didYouMean } from "./suggest.ts";
import { apiVersion } from "./types.ts";
import type { DeclaredKind } from "./types.ts";

export type { FieldIssue } from "./field-issue.ts";

/** More than anybody mends in one go. */
const maxIssues = 10;

const validators: Readonly<Record<DeclaredKind, Validate>> = {
  Job: validateJob,
  Limits: validateLimits,
  Network: validateNetwork,
  Peer: validatePeer,
};

/** Everything that is wrong with a document, at most ten issues; none means it is a Manifest. `status` is not looked at. */
export function validateManifest(value: unknown): readonly FieldIssue[] {
  if (!isRecord(value))
    return [
      fieldIssue(
        [],
        `a document must be a map of fields, found ${describeFound(value)}`,
        `it starts with: apiVersion: ${apiVersion}`,
      ),
    ];
  const header = [...apiVersionIssues(value), ...kindIssues(value)];
  const kind = declaredKinds.find((candidate) => candidate === value["kind"]);
  if (header.length > 0 || kind === undefined) return header;
  const { status: _status, ...rest } = value;
  if (validators[kind](rest)) return specIssues(kind, value["spec"]).slice(0, maxIssues);
  // Mended on the way: an issue found once is taken out, so that the next one shows.
  const draft = structuredClone(rest);
  const issues = takeUnknownFields(kind, rootNode(kind), draft, []);
  issues.push(...takeSchemaIssues(kind, draft));
  return issues.slice(0, maxIssues);
}

function apiVersionIssues(document: Readonly<Record<string, unknown>>): readonly FieldIssue[] {
  const found = document["apiVersion"];
  if (found === apiVersion) return [];
  const hint = `write apiVersion: ${apiVersion}`;
  if (!Object.hasOwn(document, "apiVersion")) {
    const typo = didYouMean(
      "apiVersion",
      Object.keys(document).filter((key) => key !== "kind" && key !== "metadata"),
    );
    return [
      fieldIssue(
        [],
        'missing field "apiVersion"',
        typo === undefined ? hint : `${hint}, not ${typo.slice("did you mean ".length, -1)}`,
      ),
    ];
  }
  return [
    fieldIssue(["apiVersion"], `must be "${apiVersion}", found ${showValue(found)}`, `did you mean "${apiVersion}"?`),
  ];
}

function kindIssues(document: Readonly<Record<string, unknown>>): readonly FieldIssue[] {
  const found = document["kind"];
  const known = `known kinds: ${declaredKinds.join(", ")}`;
  if (!Object.hasOwn(document, "kind")) return [fieldIssue([], 'missing field "kind"', known)];
  if (typeof found !== "string") return [fieldIssue(["kind"], `must be text, found ${describeFound(found)}`, known)];
  if (declaredKinds.some((kind) => kind === found)) return [];
  const meant = findKind(found);
  if (meant.ok && !meant.entry.declared)
    return [fieldIssue(["kind"], `${meant.entry.kind} is written by homie only`, known)];
  const hint = meant.ok ? `did you mean "${meant.entry.kind}"?` : (didYouMean(found, declaredKinds) ?? known);
  return [fieldIssue(["kind"], `unknown kind ${showValue(found)}`, hint)];
}

/** Reports every unknown field, not just the first, and deletes them from the draft. */
function takeUnknownFields(kind: DeclaredKind, node: SchemaNode, draft: unknown, at: Segments): FieldIssue[] {
  if (Array.isArray(draft)) {
    const items = childNode(kind, node, 0);
    return items === undefined
      ? []
      : draft.slice(0, 256).flatMap((item, index) => takeUnknownFields(kind, items, item, [...at, index]));
  }
  if (!isRecord(draft)) return [];
  const fields = closedFields(node);
  const issues: FieldIssue[] = [];
  for (const name of Object.keys(draft)) {
    if (fields !== undefined && !fields.includes(name)) {
      if (issues.length < maxIssues) issues.push(unknownField(at, name, fields));
      delete draft[name];
      continue;
    }
    const child = childNode(kind, node, name);
    if (child !== undefined) issues.push(...takeUnknownFields(kind, child, draft[name], [...at, name]));
  }
  return issues;
}

function takeSchemaIssues(kind: DeclaredKind, draft: Record<string, unknown>): readonly FieldIssue[] {
  const validate = validators[kind];
  const issues: FieldIssue[] = [];
  const taken = new Set<string>();
  while (issues.length < maxIssues && !validate(draft)) {
    const error = validate.errors?.at(-1);
    if (error === undefined) throw new TypeError(`the validator of ${kind} refused a document and gave no reason`);
    if (isAftermath(error, taken)) break;
    const issue = explainSchemaError(kind, error, draft);
    issues.push(issue);
    const lastName = issue.segments.findLastIndex((segment) => typeof segment === "string");
    const field = issue.segments.slice(0, lastName + 1);
    if (error.keyword === "required" || error.keyword === "oneOf" || field.length <= 1) break;
    taken.add(`/${field.join("/")}`);
    deleteField(draft, field);
  }
  return issues;
}

/** A field that seems to be missing was wrong, is reported already, and was taken out. */
function isAftermath(error: SchemaError, taken: ReadonlySet<string>): boolean {
  if (error.keyword === "oneOf") return taken.has("/spec/script") || taken.has("/spec/command");
  return error.keyword === "required" && taken.has(`${error.instancePath}/${String(error.params["missingProperty"])}`);
}

function deleteField(draft: Record<string, unknown>, field: Segments): void {
  let parent: unknown = draft;
  for (const segment of field.slice(0, -1)) parent = (parent as Record<string | number, unknown>)[segment];
  delete (parent as Record<string | number, unknown>)[field.at(-1) ?? ""];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
