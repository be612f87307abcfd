import { HomieError } from "../resources/errors.ts";
import type { ErrorCode } from "../resources/errors.ts";
import type { Problem } from "../resources/documents.ts";
import { ApplyConflictError, InvalidResourceError } from "../store/declared-errors.ts";

/** Kubernetes' metav1.Status: what every failing request, and a successful DELETE, is answered with. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural, as kubectl expects. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
  /** homie's own: what to do about it. */
  readonly hint?: string;
  /** homie's own: the error code of docs/errors.md. */
  readonly errorCode?: ErrorCode;
  /** homie's own: places in files, for 422 answers of apply. */
  readonly problems?: readonly Problem[];
}
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** A request that ends in a Status of the given HTTP code; not a fault of the daemon, so never logged as one. */
export class StatusFailure extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    code: number,
    reason: string,
    message: string,
    more: { details?: StatusDetails; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = "StatusFailure";
    this.code = code;
    this.reason = reason;
    this.details = more.details ?? {};
    this.headers = more.headers ?? {};
  }
}

/** What an object is called in messages: `jobs.homie.dev "train"`, as kubectl prints it. */
export interface Subject {
  readonly plural: string;
  readonly group: string;
}

export function notFound(subject: Subject, name: string): StatusFailure {
  const details = { name, group: subject.group, kind: subject.plural };
  return new StatusFailure(404, "NotFound", `${qualified(subject)} "${name}" not found`, { details });
}
export function conflict(subject: Subject, name: string, why: string): StatusFailure {
  const details = { name, group: subject.group, kind: subject.plural };
  return new StatusFailure(
    409,
    "Conflict",
    `operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`,
    { details },
  );
}
export function badRequest(message: string, hint?: string): StatusFailure {
  return new StatusFailure(400, "BadRequest", message, hint === undefined ? {} : { details: { hint } });
}
export function methodNotAllowed(method: string, allowed: readonly string[]): StatusFailure {
  const message = `${method} is not possible here; ${allowed.join(", ")} ${allowed.length === 1 ? "is" : "are"}`;
  return new StatusFailure(405, "MethodNotAllowed", message, { headers: { allow: allowed.join(", ") } });
}
export function unsupportedMediaType(given: string | undefined, accepted: readonly string[]): StatusFailure {
  const what = given === undefined || given === "" ? "the body has no Content-Type" : `the body is ${given}`;
  return new StatusFailure(415, "UnsupportedMediaType", `${what}; send ${accepted.join(" or ")}`);
}

export function qualified(subject: Subject): string {
  return subject.group === "" ? subject.plural : `${subject.plural}.${subject.group}`;
}

export function renderStatus(failure: StatusFailure): Status {
  const details = Object.keys(failure.details).length === 0 ? {} : { details: failure.details };
  const base = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" } as const;
  return { ...base, message: failure.message, reason: failure.reason, ...details, code: failure.code };
}

export function renderSuccess(details: StatusDetails): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details, code: 200 };
}

/** Turns what a port threw into an answer; undefined means nobody expected this error. */
export function toFailure(error: unknown): StatusFailure | undefined {
  if (error instanceof StatusFailure) return error;
  if (error instanceof ApplyConflictError) return applyConflict(error);
  if (error instanceof InvalidResourceError) return invalidDocuments(error);
  if (!(error instanceof HomieError)) return undefined;
  const [code, reason] = answers[error.code] ?? [500, "InternalError"];
  return new StatusFailure(code, reason, error.message, { details: remedyOf(error) });
}

function remedyOf({ hint, code }: HomieError): StatusDetails {
  return { ...(hint === undefined ? {} : { hint }), errorCode: code };
}

/** Codes that are missing here are faults of the machine: 500, with the error's own words. */
const answers: Partial<Record<ErrorCode, readonly [number, string]>> = {
  AlreadyExists: [409, "AlreadyExists"],
  ApplyConflict: [409, "Conflict"],
  BadRequest: [400, "BadRequest"],
  Conflict: [409, "Conflict"],
  DaemonUnavailable: [503, "ServiceUnavailable"],
  EngineUnavailable: [503, "ServiceUnavailable"],
  Expired: [410, "Expired"],
  Forbidden: [403, "Forbidden"],
  InvalidResource: [422, "Invalid"],
  InviteRejected: [422, "Invalid"],
  MeshUnavailable: [503, "ServiceUnavailable"],
  MethodNotAllowed: [405, "MethodNotAllowed"],
  NotFound: [404, "NotFound"],
  SourceUnreadable: [422, "Invalid"],
  Timeout: [504, "Timeout"],
  TooLarge: [413, "RequestEntityTooLarge"],
  UnsupportedMediaType: [415, "UnsupportedMediaType"],
  Usage: [400, "BadRequest"],
};

function applyConflict(error: ApplyConflictError): StatusFailure {
  const causes = error.conflicts.map((one) => ({
    reason: "FieldManagerConflict",
    field: one.path,
    message: `${one.kind} "${one.name}" ${one.path}: desired/ has ${shown(one.live)}, the input has ${shown(one.input)}`,
  }));
  return new StatusFailure(409, "Conflict", error.message, { details: { causes, ...remedyOf(error) } });
}

function invalidDocuments(error: InvalidResourceError): StatusFailure {
  const { problems } = error;
  const causes = problems.map((one) => ({ reason: "FieldValueInvalid", field: one.path, message: renderProblem(one) }));
  return new StatusFailure(422, "Invalid", error.message, { details: { causes, problems, ...remedyOf(error) } });
}

/** `job.yaml:3:9 spec.imgae: unknown field "imgae" (did you mean "image"?)` */
export function renderProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path === "" ? "" : ` ${problem.path}`;
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return `${place}${path}: ${problem.message}${hint}`;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
