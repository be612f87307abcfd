/** Every code homie can fail with, explained in docs/errors.md. */
export type ErrorCode =
  | "AlreadyExists"
  | "AlreadyRunning"
  | "ApplyConflict"
  | "BadRequest"
  | "Conflict"
  | "ContainerCreateFailed"
  | "DaemonUnavailable"
  | "EngineUnable"
  | "EngineUnavailable"
  | "Expired"
  | "Forbidden"
  | "ImageMissing"
  | "ImageRejected"
  | "InputsRejected"
  | "InternalError"
  | "InvalidResource"
  | "InviteRejected"
  | "LogCorrupt"
  | "MeshUnavailable"
  | "MethodNotAllowed"
  | "NotFound"
  | "OutputRejected"
  | "PeerRefused"
  | "PeerUnreachable"
  | "ProcessFailed"
  | "RegistryUnavailable"
  | "SourceUnreadable"
  | "StateUnusable"
  | "TarRejected"
  | "Timeout"
  | "TooLarge"
  | "UnsupportedMediaType"
  | "Usage";

/** The one error of the product. `message` is a verb phrase without a trailing stop; `hint` says what to do. */
export class HomieError extends Error {
  readonly code: ErrorCode;
  readonly hint?: string;
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HomieError";
    this.code = code;
    if (options.hint !== undefined) this.hint = options.hint;
  }
}

/** A write was based on a resourceVersion that is no longer the newest. */
export class ConflictError extends HomieError {
  constructor(message: string) {
    super("Conflict", message);
    this.name = "ConflictError";
  }
}

/** Trying again cannot help; the key waits for a change. */
export class TerminalError extends HomieError {
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
    this.name = "TerminalError";
  }
}
