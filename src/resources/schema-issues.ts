import type { SchemaError } from "./generated/validators.js";
import { fieldIssue } from "./field-issue.ts";
import type { FieldIssue } from "./field-issue.ts";
import { byteUnitsTable, cpuUnitsTable } from "./quantities.ts";
import { nodeAt } from "./schema-nodes.ts";
import { showValue } from "./show-value.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import type { Segments } from "./show-value.ts";
import { didYouMean } from "./suggest.ts";
import type { DeclaredKind } from "./types.ts";

/** What a person should read instead of a regular expression. */
const patternMeanings: ReadonlyMap<string, string> = new Map([
  [
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "must be a DNS label: lower-case letters, digits and hyphens, with a letter or digit at both ends",
  ],
  ["^[^\\u0000-\\u001f\\u007f]*$", "must be one line without control characters"],
  ["^[^\\u0000]*$", "must not hold a NUL character"],
  ["^[A-Za-z_.-][A-Za-z0-9_.-]*$", "must be letters, digits, _ . and -, and not start with a digit"],
  [
    "^([a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?)?$",
    "must be letters, digits, - _ and ., with a letter or digit at both ends",
  ],
  ["^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$", "must be a Docker image reference"],
]);

interface Failure {
  readonly error: SchemaError;
  readonly segments: Segments;
  readonly value: unknown;
  readonly node: SchemaNode | undefined;
}

type TypeFailure = Omit<Failure, "error"> & { readonly expected: readonly string[] };
type Explain = (failure: Failure) => FieldIssue;

const explanations: ReadonlyMap<string, Explain> = new Map<string, Explain>([
  ["type", typeIssue],
  ["required", requiredIssue],
  [
    "additionalProperties",
    ({ error, segments }) => unknownField(segments, String(error.params["additionalProperty"]), []),
  ],
  ["propertyNames", ({ error, segments }) => keyIssue(segments, String(error.params["propertyName"]))],
  ["enum", choiceIssue],
  ["const", choiceIssue],
  ["minimum", rangeIssue],
  ["maximum", rangeIssue],
  ["minLength", tooShortIssue],
  [
    "maxLength",
    ({ segments, value, error }) =>
      fieldIssue(segments, `is too long: ${String(value).length} characters, at most ${limitOf(error)}`),
  ],
  ["minItems", ({ segments, node }) => fieldIssue(segments, "must not be an empty list", exampleHint(segments, node))],
  [
    "maxItems",
    ({ segments, value, error }) =>
      fieldIssue(segments, `has too many items: ${countOf(value)}, at most ${limitOf(error)}`),
  ],
  [
    "maxProperties",
    ({ segments, value, error }) =>
      fieldIssue(segments, `has too many entries: ${countOf(value)}, at most ${limitOf(error)}`),
  ],
  [
    "uniqueItems",
    ({ segments, error }) => fieldIssue([...segments, Number(error.params["i"])], "is in the list twice"),
  ],
  ["pattern", patternIssue],
  ["oneOf", oneOfIssue],
  [
    "not",
    ({ segments }) =>
      fieldIssue(segments, "has both image and environment", "an environment is an image: keep one of them"),
  ],
]);

/** Says one schema error in words; `value` is the whole document. */
export function explainSchemaError(kind: DeclaredKind, error: SchemaError, document: unknown): FieldIssue {
  const { segments, value } = locate(error.instancePath, document);
  const failure = { error, segments, value, node: nodeAt(kind, segments) };
  // Either-or rules are tried before the type is.
  if ((error.keyword === "oneOf" || error.keyword === "not") && !isObject(value)) return typeIssue(failure);
  return (
    explanations.get(error.keyword)?.(failure) ??
    fieldIssue(segments, error.message ?? `fails the rule ${error.keyword}`)
  );
}

export function unknownField(parent: Segments, name: string, known: readonly string[]): FieldIssue {
  const hint =
    keptByHomie(parent, name) ??
    didYouMean(name, known) ??
    (known.length === 0 ? undefined : `known fields: ${known.join(", ")}`);
  return { ...fieldIssue([...parent, name], `unknown field ${showValue(name)}`, hint), about: "key" };
}

const storeFields: ReadonlySet<string> = new Set([
  "uid",
  "generation",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "finalizers",
  "namespace",
  "managedFields",
]);

function keptByHomie(parent: Segments, name: string): string | undefined {
  if (name.includes("\u00a0")) return "there is a no-break space (U+00A0) in it; indent with plain spaces";
  if (parent.length !== 1 || parent[0] !== "metadata" || !storeFields.has(name)) return undefined;
  return name === "namespace"
    ? "homie has no namespaces; leave it out"
    : "homie keeps it itself; leave it out of the file";
}

/** Turns a JSON pointer into steps; whether a step is an index shows only in the document. */
function locate(pointer: string, document: unknown): { readonly segments: Segments; readonly value: unknown } {
  const segments: (string | number)[] = [];
  let value = document;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    segments.push(Array.isArray(value) ? Number(name) : name);
    value = (value as Record<string, unknown> | undefined)?.[name];
  }
  return { segments, value };
}

function typeIssue({ segments, value, node }: Failure): FieldIssue {
  const expected = [node?.type ?? "object"].flat();
  const wanted = isQuantity(node)
    ? "a number or a quantity"
    : expected.map((type) => typeNames.get(type) ?? type).join(" or ");
  const issue = fieldIssue(
    segments,
    `must be ${wanted}, found ${describeFound(value)}`,
    typeHint({ segments, value, node, expected }),
  );
  return expected.length === 1 && expected[0] === "string" && isScalar(value) ? { ...issue, about: "text" } : issue;
}

function typeHint(failure: TypeFailure): string | undefined {
  const { segments, value, node } = failure;
  if (isQuantity(node)) return node?.type?.includes("number") === true ? cpuUnitsTable : byteUnitsTable;
  if (value === null) return "give it a value, or remove the line";
  return (isScalar(value) ? scalarHint(failure.expected[0], value) : undefined) ?? exampleHint(segments, node);
}

function scalarHint(expected: string | undefined, value: string | number | boolean): string | undefined {
  const text = String(value).slice(0, 80);
  switch (expected) {
    case "string":
      return `put quotes around it: ${showValue(text)}`;
    case "array":
      return `write a list: [${showValue(text)}]`;
    case "boolean":
      return typeof value === "string"
        ? `write ${/^(?:yes|y|on|true)$/i.test(value) ? "true" : "false"}, without quotes`
        : undefined;
    case "integer":
    case "number":
      return /^[0-9]+$/.test(text) ? "remove the quotes" : undefined;
    default:
      return undefined;
  }
}

const typeNames: ReadonlyMap<string, string> = new Map([
  ["string", "text"],
  ["integer", "a whole number"],
  ["number", "a number"],
  ["boolean", "true or false"],
  ["array", "a list"],
  ["object", "a map of fields"],
]);

export function describeFound(value: unknown): string {
  if (value === null) return "nothing (null)";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "a map";
  return typeof value === "string"
    ? `the text ${showValue(value)}`
    : `${typeof value === "number" ? "the number " : ""}${showValue(value)}`;
}

function requiredIssue({ error, segments, node }: Failure): FieldIssue {
  const name = String(error.params["missingProperty"]);
  const example = node?.examples?.[0] as Readonly<Record<string, unknown>> | undefined;
  const hint = example?.[name] === undefined ? undefined : `for example: ${name}: ${JSON.stringify(example[name])}`;
  return fieldIssue(segments, `missing field "${name}"`, hint);
}

function keyIssue(segments: Segments, name: string): FieldIssue {
  const message = `${showValue(name)} is not a label key`;
  return {
    ...fieldIssue([...segments, name], message, "letters, digits, - _ and ., after an optional prefix/"),
    about: "key",
  };
}

function choiceIssue({ segments, value, node }: Failure): FieldIssue {
  const choices = node?.enum ?? [node?.const];
  const words = choices.map((choice) => showValue(choice)).join(", ");
  const hint = typeof value === "string" ? didYouMean(value, choices.map(String)) : undefined;
  return fieldIssue(
    segments,
    `must be ${choices.length > 1 ? "one of " : ""}${words}, found ${showValue(value)}`,
    hint,
  );
}

function rangeIssue({ segments, value, error, node }: Failure): FieldIssue {
  const bound = `${error.keyword === "minimum" ? "at least" : "at most"} ${limitOf(error)}`;
  const units = node?.type?.includes("number") === true ? cpuUnitsTable : byteUnitsTable;
  return fieldIssue(segments, `must be ${bound}, found ${showValue(value)}`, isQuantity(node) ? units : undefined);
}

function tooShortIssue({ segments, value, error, node }: Failure): FieldIssue {
  const { length } = String(value);
  const message = length === 0 ? "must not be empty" : `is too short: ${length} characters, at least ${limitOf(error)}`;
  return fieldIssue(segments, message, exampleHint(segments, node));
}

function patternIssue({ segments, value, error, node }: Failure): FieldIssue {
  const meaning = patternMeanings.get(String(error.params["pattern"])) ?? "does not have the form it needs";
  return fieldIssue(segments, `${meaning}, found ${showValue(value)}`, exampleHint(segments, node));
}

function oneOfIssue({ segments, value }: Failure): FieldIssue {
  const spec = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (spec["script"] !== undefined) return fieldIssue(segments, "has both script and command", "keep one of them");
  const hint =
    spec["args"] === undefined
      ? "for example: script: train.py"
      : "args are added to script or command; the first word goes into command";
  return fieldIssue(segments, "needs a script or a command", hint);
}

function exampleHint(segments: Segments, node: SchemaNode | undefined): string | undefined {
  const example = node?.examples?.[0];
  const name = segments.findLast((segment) => typeof segment === "string");
  return example === undefined || name === undefined
    ? node?.description
    : `for example: ${name}: ${JSON.stringify(example)}`;
}

function isQuantity(node: SchemaNode | undefined): boolean {
  return Array.isArray(node?.type);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function countOf(value: unknown): number {
  return isObject(value) ? Object.keys(value as object).length : 0;
}

function limitOf(error: SchemaError): string {
  return String(error.params["limit"]);
}
