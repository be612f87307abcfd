import { formatPath } from "./show-value.ts";
import type { Segments } from "./show-value.ts";

/** One field that is not as it should be. */
export interface FieldIssue {
  /** "spec.outputs[0].paths"; "" is the whole document. */
  readonly path: string;
  /** What is wrong: `unknown field "imgae"`. */
  readonly message: string;
  /** What to do: `did you mean "image"?`. */
  readonly hint?: string;
  /** The same path, in steps. */
  readonly segments: Segments;
  /** `key`: the name of the field is wrong, not its value. `text`: a text was needed and something else was written. */
  readonly about?: "key" | "text";
}

export function fieldIssue(segments: Segments, message: string, hint?: string): FieldIssue {
  return { path: formatPath(segments), segments, message, ...(hint === undefined ? {} : { hint }) };
}
