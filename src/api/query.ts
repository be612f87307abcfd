import { badRequest } from "./status-error.ts";
import type { IncludeObject } from "./table.ts";

/** The query of one request; every reader throws 400 for a value it cannot understand. */
export interface Query {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  count(name: string): number | undefined;
}

const truths = new Set(["1", "t", "T", "TRUE", "true", "True", ""]);
const falsehoods = new Set(["0", "f", "F", "FALSE", "false", "False"]);

export function createQuery(parameters: URLSearchParams): Query {
  const text = (name: string): string | undefined => parameters.get(name) ?? undefined;
  return {
    text,
    /** As Go's ParseBool, because clients write `true`, `True` and `1`; a bare `?watch` is true. */
    flag(name) {
      const value = text(name);
      if (value === undefined || falsehoods.has(value)) return false;
      if (truths.has(value)) return true;
      throw badRequest(`the query parameter "${name}" is neither true nor false`);
    },
    count(name) {
      const value = text(name);
      if (value === undefined || value === "") return undefined;
      if (/^\d{1,15}$/.test(value)) return Number(value);
      throw badRequest(`the query parameter "${name}" is not a whole number of at most 15 digits`);
    },
  };
}

/** Decimal digits; undefined stands for "whatever you have", which clients write as nothing or 0. */
export function parseResourceVersion(query: Query): string | undefined {
  const value = query.text("resourceVersion");
  if (value === undefined || value === "" || value === "0") return undefined;
  if (/^[1-9]\d{0,18}$/.test(value)) return value;
  throw badRequest('the query parameter "resourceVersion" is not a version: homie\'s are decimal digits');
}

export function parseDryRun(query: Query): boolean {
  const value = query.text("dryRun");
  if (value === undefined || value === "") return false;
  if (value === "All") return true;
  throw badRequest('the query parameter "dryRun" can only be "All"');
}

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** Kubernetes' default is Warn; homie's is Strict, as a misspelt field is nearly always a mistake. */
export function parseFieldValidation(query: Query): FieldValidation {
  const value = query.text("fieldValidation");
  if (value === undefined || value === "") return "Strict";
  if (value === "Strict" || value === "Warn" || value === "Ignore") return value;
  throw badRequest('the query parameter "fieldValidation" can be "Strict", "Warn" or "Ignore"');
}

export function parseIncludeObject(query: Query): IncludeObject {
  const value = query.text("includeObject");
  if (value === undefined || value === "") return "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequest('the query parameter "includeObject" can be "None", "Metadata" or "Object"');
}
