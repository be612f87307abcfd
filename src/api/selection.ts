import { parseFieldSelector, parseLabelSelector } from "../resources/selectors.ts";
import { HomieError } from "../resources/errors.ts";
import type { ApiObject } from "./collections.ts";
import type { Query } from "./query.ts";
import { badRequest } from "./status-error.ts";

/** Which objects a list or a watch is about. */
export interface Selection {
  readonly isEverything: boolean;
  matches(object: ApiObject): boolean;
  /** False when no object of this name can ever match, whatever else changes. */
  canMatch(name: string): boolean;
}

export function parseSelection(query: Query): Selection {
  const labels = query.text("labelSelector") ?? "";
  const fields = query.text("fieldSelector") ?? "";
  const byLabel = labels === "" ? undefined : parsed(() => parseLabelSelector(labels));
  const byField = fields === "" ? undefined : parsed(() => parseFieldSelector(fields));
  const onlyName = /(?:^|,)\s*metadata\.name\s*==?\s*([^,\s]+)\s*(?:,|$)/.exec(fields)?.[1];
  return {
    isEverything: byLabel === undefined && byField === undefined,
    matches: (object) => (byLabel?.(object.metadata.labels ?? {}) ?? true) && (byField?.(object) ?? true),
    canMatch: (name) => onlyName === undefined || onlyName === name,
  };
}

/** A selector is the client's own text: whatever is wrong with it is a bad request. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof HomieError) throw badRequest(error.message, error.hint);
    throw error;
  }
}
