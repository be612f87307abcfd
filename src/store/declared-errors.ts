import type { Problem } from "../resources/documents.ts";
import { HomieError } from "../resources/errors.ts";
import type { ApplyConflict } from "./declared.ts";

/** The input and an edit by hand want different values for the same fields. Nothing was written. */
export class ApplyConflictError extends HomieError {
  readonly conflicts: readonly ApplyConflict[];
  constructor(conflicts: readonly ApplyConflict[]) {
    const fields = conflicts.map((conflict) => `${conflict.kind.toLowerCase()}/${conflict.name} ${conflict.path}`);
    super("ApplyConflict", `cannot apply: changed by hand and by the input: ${fields.join(", ")}`, {
      hint: "edit one side, or use --force-conflicts to take the input's values",
    });
    this.name = "ApplyConflictError";
    this.conflicts = conflicts;
  }
}

/** The input does not parse or validate. Nothing was written. */
export class InvalidResourceError extends HomieError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const [first] = problems;
    const place = first === undefined ? "" : ` ${first.file}:${first.line}:${first.column}: ${labelled(first)}`;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    super("InvalidResource", `cannot accept${place}${more}`, first?.hint === undefined ? {} : { hint: first.hint });
    this.name = "InvalidResourceError";
    this.problems = problems;
  }
}

function labelled(problem: Problem): string {
  return problem.path === "" ? problem.message : `${problem.path}: ${problem.message}`;
}
