import { sameContent } from "./canonical.ts";
import type { Segments } from "./show-value.ts";

/** One field that has to become another value, or (undefined) has to go. */
export interface ValueChange {
  readonly segments: Segments;
  readonly value: unknown;
}

/** The smallest fields in which two values differ. Lists of another length are one change. */
export function valueChanges(before: unknown, after: unknown, at: Segments): readonly ValueChange[] {
  if (sameContent(before, after)) return [];
  if (isFields(before) && isFields(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => valueChanges(own(before, name), own(after, name), [...at, name]));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return after.flatMap((item, index) => valueChanges(before[index], item, [...at, index]));
  }
  return [{ segments: at, value: after }];
}

type Fields = Readonly<Record<string, unknown>>;

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
