import type { ErrorCode } from "../../resources/errors.ts";
import { HomieError } from "../../resources/errors.ts";

/** Errnos and messages of a connection that did not work, as opposed to an answer that says no. */
const unreachableCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EACCES",
  "EPERM",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ABORT_ERR",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** HTTP status of an engine's answer, when the error is one. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === "number" ? status : undefined;
}

export function isNotFound(error: unknown): boolean {
  return statusOf(error) === 404;
}

const processGone = /\/proc\/\d+\/\w+: no such (?:process|file or directory)/;

/** Podman looks at a container's process while it answers, and fails when that ends just then: to be asked again. */
export function hasJustEnded(error: unknown): boolean {
  return statusOf(error) === 500 && processGone.test(engineMessage(error));
}

export function isUnreachable(error: unknown): boolean {
  if (statusOf(error) !== undefined) return false;
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
  if (typeof code === "string" && unreachableCodes.has(code)) return true;
  return name === "AbortError" || name === "TimeoutError" || message === "socket hang up";
}

/** `(HTTP code 500) server error - ` */
const clientFrame = /^\(HTTP code \d+\) [\w ]+ - /;

/** What the engine said, without the client's frame around it. */
export function engineMessage(error: unknown): string {
  const body = (error as { json?: { message?: unknown } } | undefined)?.json;
  if (typeof body?.message === "string") return body.message.trim();
  return error instanceof Error ? error.message.replace(clientFrame, "").trim() : String(error);
}

/** A foreign error as ours. `code` is used when the engine answered; without an answer it is EngineUnavailable. */
export function translateEngineError(error: unknown, code: ErrorCode, doing: string): HomieError {
  if (error instanceof HomieError) return error;
  if (isUnreachable(error)) {
    return new HomieError(
      "EngineUnavailable",
      `${doing}: the container engine does not answer (${engineMessage(error)})`,
      {
        hint: "start Docker, or set DOCKER_HOST to an engine that runs; `homie doctor` shows which socket is used",
        cause: error,
      },
    );
  }
  return new HomieError(code, `${doing}: ${engineMessage(error)}`, { cause: error });
}
