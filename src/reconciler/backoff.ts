export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Between 0 and 1: how much of the delay is random. */
  readonly jitter: number;
}

export const defaultBackoff: BackoffOptions = { initialMs: 1_000, maxMs: 300_000, jitter: 0.2 };

/** For what is nobody's fault and ends by itself, such as a full disk: back soon after it has ended. */
export const outageBackoff: BackoffOptions = { initialMs: 1_000, maxMs: 5_000, jitter: 0.2 };

const outageCodes: ReadonlySet<unknown> = new Set([
  "StateUnusable",
  "EngineUnavailable",
  "ENOSPC",
  "EDQUOT",
  "EMFILE",
  "ENFILE",
]);

/** The machine or the engine is in trouble, not the object that was worked on. */
export function isOutage(error: unknown): boolean {
  return error instanceof Error && "code" in error && outageCodes.has(error.code);
}

/** Delay before try `failures` + 1, doubling from `initialMs`. `random` is in [0, 1). */
export function backoffMs(failures: number, random: number, options: BackoffOptions = defaultBackoff): number {
  const full = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - options.jitter * random));
}
