import type { DeclaredKind, Manifest } from "../resources/types.ts";
import { validateManifest } from "../resources/validate.ts";
import type { FieldIssue } from "../resources/validate.ts";
import type { Collection } from "./collections.ts";
import type { FieldValidation } from "./query.ts";
import { isRecord } from "./read-body.ts";
import { badRequest, StatusFailure } from "./status-error.ts";

/** What a client sent, taken apart: what it declares, and what it says about the object's life. */
export interface SentObject {
  /** Not validated yet; without status and without the metadata the store keeps. */
  readonly declared: Readonly<Record<string, unknown>>;
  readonly name: string | undefined;
  readonly generateName: string | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly finalizers: readonly string[] | undefined;
}
export interface AcceptedManifest {
  readonly manifest: Manifest;
  /** Values of `Warning` headers. */
  readonly warnings: readonly string[];
}

/** Header lines are few in most clients. */
const maxWarnings = 20;

const keptByStore = new Set([
  "uid",
  "generation",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "finalizers",
  "managedFields",
  "selfLink",
  "generateName",
]);

export function takeApart(body: Readonly<Record<string, unknown>>, collection: Collection): SentObject {
  const { status: _ignored, metadata, ...rest } = body;
  if (metadata !== undefined && !isRecord(metadata)) throw badRequest("metadata is not an object");
  const given = metadata ?? {};
  const isOwn = ([key, value]: [string, unknown]): boolean =>
    !keptByStore.has(key) && !(key === "namespace" && (value === "" || value === "default"));
  requireSame("apiVersion", rest["apiVersion"] ?? collection.apiVersion, collection.apiVersion);
  requireSame("kind", rest["kind"] ?? collection.kind, collection.kind);
  return {
    declared: {
      ...rest,
      apiVersion: collection.apiVersion,
      kind: collection.kind,
      metadata: Object.fromEntries(Object.entries(given).filter(isOwn)),
    },
    name: optionalText(given, "name"),
    generateName: optionalText(given, "generateName"),
    uid: optionalText(given, "uid"),
    resourceVersion: optionalText(given, "resourceVersion"),
    finalizers: finalizersOf(given["finalizers"]),
  };
}

/** Throws 400 for unknown fields where the client wants that, 422 for everything else that is wrong. */
export function acceptManifest(sent: SentObject, collection: Collection, mode: FieldValidation): AcceptedManifest {
  const pruned = structuredClone(sent.declared);
  const warnings: string[] = [];
  // The validator reports so many issues at a time; more unknown fields may show once these are gone.
  for (;;) {
    const issues = validateManifest(pruned);
    const unknown = issues.filter(isUnknownField);
    if (unknown.length > 0 && mode === "Strict") throw unknownFields(unknown, collection);
    if (unknown.length < issues.length)
      throw invalid(
        issues.filter((issue) => !isUnknownField(issue)),
        sent,
        collection,
      );
    if (unknown.length === 0) break;
    for (const issue of unknown) removeField(pruned, issue.segments);
    if (mode === "Warn") warnings.push(...unknown.map(({ path }) => `299 - "unknown field \\"${headerText(path)}\\""`));
  }
  return { manifest: pruned as unknown as Manifest, warnings: warnings.slice(0, maxWarnings) };
}

/** The declared part of an object the store has. */
export function manifestOf(object: {
  readonly kind: string;
  readonly metadata: Manifest["metadata"];
  readonly spec?: unknown;
}): Manifest {
  const { name, labels, annotations } = object.metadata;
  const metadata = {
    name,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { apiVersion: "homie.dev/v1", kind: object.kind as DeclaredKind, metadata, spec: object.spec };
}

function isUnknownField(problem: FieldIssue): boolean {
  return problem.message.startsWith("unknown field");
}

function unknownFields(problems: readonly FieldIssue[], collection: Collection): StatusFailure {
  const fields = problems.map(({ path }) => `unknown field "${path}"`).join(", ");
  const message = `${collection.kind} in version "v1" cannot be handled as a ${collection.kind}: strict decoding error: ${fields}`;
  const hints = problems.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
  const hint = hints[0] === undefined ? {} : { hint: hints[0] };
  return new StatusFailure(400, "BadRequest", message, { details: { causes: problems.map(causeOf), ...hint } });
}

function invalid(problems: readonly FieldIssue[], sent: SentObject, collection: Collection): StatusFailure {
  const name = sent.name ?? "";
  const list = problems.map(causeOf).map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  const message = `${collection.kind}.${collection.group} "${name}" is invalid: ${list.join("; ")}`;
  const details = { name, group: collection.group, kind: collection.plural, causes: problems.map(causeOf) };
  return new StatusFailure(422, "Invalid", message, { details });
}

function causeOf(problem: FieldIssue): { readonly reason: string; readonly message: string; readonly field: string } {
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return { reason: "FieldValueInvalid", message: `${problem.message}${hint}`, field: problem.path };
}

/** Removes a field from a tree that is ours to change. */
function removeField(root: unknown, segments: FieldIssue["segments"]): void {
  const parent = segments
    .slice(0, -1)
    .reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], root);
  delete (parent as Record<string | number, unknown>)[segments.at(-1) ?? ""];
}

function requireSame(field: string, given: unknown, expected: string): void {
  if (given !== expected)
    throw badRequest(`the object's ${field} is ${JSON.stringify(given)}, this path serves "${expected}"`);
}

function optionalText(metadata: Readonly<Record<string, unknown>>, field: string): string | undefined {
  const value = metadata[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw badRequest(`metadata.${field} is not text`);
}

function finalizersOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (
    Array.isArray(value) &&
    value.length <= 20 &&
    value.every((one) => typeof one === "string" && one.length > 0 && one.length <= 253)
  )
    return value;
  throw badRequest("metadata.finalizers is not a list of at most 20 names");
}

function headerText(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]|["\\]/g, "?");
}
