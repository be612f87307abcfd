import type { ErrorCode } from "../resources/errors.ts";

export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  applyConflict: 4,
  timeout: 124,
  infrastructure: 125,
  /** No peer would take the job. */
  refused: 126,
  interrupted: 130,
} as const;

const byErrorCode: Partial<Record<ErrorCode, number>> = {
  Usage: exitCodes.usage,
  ApplyConflict: exitCodes.applyConflict,
  Timeout: exitCodes.timeout,
};

export function exitCodeOf(code: ErrorCode): number {
  return byErrorCode[code] ?? exitCodes.error;
}
