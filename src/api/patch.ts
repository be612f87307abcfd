import jsonPatch from "fast-json-patch";
import type { Operation } from "fast-json-patch";
import { isRecord } from "./read-body.ts";
import { badRequest, StatusFailure } from "./status-error.ts";

export const mergePatchType = "application/merge-patch+json";
export const jsonPatchType = "application/json-patch+json";

/** RFC 7386. Makes a new value; neither argument is changed. */
export function applyMergePatch(before: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value);
  }
  return result;
}

const maxOperations = 1000;

/** RFC 6902, on a copy. Throws 400 for what is no patch, 422 for a patch that does not fit the object. */
export function applyJsonPatch(before: unknown, patch: unknown): unknown {
  const operations = requireOperations(patch);
  try {
    return jsonPatch.applyPatch(structuredClone(before), operations, true, true, true).newDocument;
  } catch (error) {
    if (!(error instanceof jsonPatch.JsonPatchError)) throw error;
    const operation = error.index === undefined ? undefined : operations[error.index];
    const which =
      operation === undefined ? "the patch" : `operation ${error.index} (${operation.op} ${operation.path})`;
    throw new StatusFailure(422, "Invalid", `${which} does not fit the object: ${explain(error.name)}`);
  }
}

function explain(name: string): string {
  if (name === "TEST_OPERATION_FAILED") return "the tested value is another one";
  return name
    .toLowerCase()
    .replace(/^operation_/, "")
    .replaceAll("_", " ");
}

/** What each operation needs besides `op` and `path`. */
const needs: Readonly<Record<string, "value" | "from" | "nothing">> = {
  add: "value",
  replace: "value",
  test: "value",
  move: "from",
  copy: "from",
  remove: "nothing",
};

function requireOperations(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  if (patch.length > maxOperations) throw badRequest(`a JSON patch has at most ${maxOperations} operations`);
  for (const [index, operation] of patch.entries()) {
    const problem = problemOf(operation);
    if (problem !== undefined) throw badRequest(`operation ${index} of the JSON patch ${problem}`);
  }
  return structuredClone(patch) as Operation[];
}

function problemOf(operation: unknown): string | undefined {
  if (!isRecord(operation)) return "is not an object";
  const need =
    typeof operation["op"] === "string" && Object.hasOwn(needs, operation["op"]) ? needs[operation["op"]] : undefined;
  if (need === undefined) return `has an "op" that is none of ${Object.keys(needs).join(", ")}`;
  if (!isPointer(operation["path"])) return 'has a "path" that is no allowed JSON pointer';
  if (need === "from" && !isPointer(operation["from"])) return 'has a "from" that is no allowed JSON pointer';
  if (need === "value" && !Object.hasOwn(operation, "value")) return 'has no "value"';
  return undefined;
}

function isPointer(value: unknown): value is string {
  if (typeof value !== "string" || !(value === "" || value.startsWith("/"))) return false;
  const segments = value.split("/").map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
  return !segments.some((segment) => segment === "__proto__" || segment === "constructor" || segment === "prototype");
}
