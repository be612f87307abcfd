import { HomieError } from "../resources/errors.ts";
import type { Problem } from "../resources/documents.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { safeBlock, shortLine } from "./render/safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** Everything was said already; only the exit code is left. */
export class SilentExit extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.name = "SilentExit";
    this.exitCode = exitCode;
  }
}

/** A Status the API answered, with everything it said. */
export class ApiError extends HomieError {
  /** HTTP code. */
  readonly status: number;
  readonly causes: readonly { readonly message: string; readonly field?: string }[];
  readonly problems: readonly Problem[];
  constructor(
    code: HomieError["code"],
    message: string,
    details: { status: number; hint?: string; causes?: ApiError["causes"]; problems?: readonly Problem[] },
  ) {
    super(code, message, details.hint === undefined ? {} : { hint: details.hint });
    this.name = "ApiError";
    this.status = details.status;
    this.causes = details.causes ?? [];
    this.problems = details.problems ?? [];
  }
}

/** Prints an error the way every command does and answers the exit code. */
export async function reportFailure(error: unknown, terminal: Terminal, asJson: boolean): Promise<number> {
  if (error instanceof SilentExit) return error.exitCode;
  if (terminal.interrupt.aborted) return exitCodes.interrupted;
  if (error instanceof HomieError) {
    await terminal.errors.write(asJson ? renderErrorJson(error) : renderError(error));
    return exitCodeOf(error.code);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const bug = new HomieError("InternalError", "met something nobody expected; this is a bug in homie", {
    hint: "please report the lines above",
  });
  await terminal.errors.write(asJson ? renderErrorJson(bug, stack) : `${safeBlock(stack)}\n${renderError(bug)}`);
  return exitCodes.error;
}

export function renderError(error: HomieError): string {
  const lines = [`error: ${shortLine(error.message)}`];
  if (error instanceof ApiError) {
    const details =
      error.problems.length > 0
        ? error.problems.map(renderProblem)
        : error.causes.map((cause) => shortLine(cause.message));
    lines.push(...details.filter((line) => line !== shortLine(error.message)).map((line) => `  ${line}`));
  }
  const hint =
    error.hint ?? (error.code === "ApplyConflict" ? "take over the fields with --force-conflicts" : undefined);
  if (hint !== undefined) lines.push(`hint: ${shortLine(hint)}`);
  return `${lines.join("\n")}\n`;
}

/** `job.yaml:3:9: spec.imgae: unknown field "imgae" (did you mean "image"?)` */
export function renderProblem(problem: Problem): string {
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return shortLine(`${problem.file}:${problem.line}:${problem.column}: ${path}${problem.message}${hint}`);
}

function renderErrorJson(error: HomieError, stack?: string): string {
  const { code } = error;
  const message = shortLine(error.message);
  const hint = error.hint === undefined ? undefined : shortLine(error.hint);
  const problems = error instanceof ApiError && error.problems.length > 0 ? error.problems : undefined;
  const causes =
    error instanceof ApiError && problems === undefined && error.causes.length > 0 ? error.causes : undefined;
  return `${JSON.stringify({ code, message, hint, problems, causes, stack })}\n`;
}
