/** An engine that takes longer for a question is treated as one that does not answer. */
export const answerMs = 15_000;

/** Nobody answered in time; told apart from an abort by the caller. */
export class AnswerTimeout extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = "TimeoutError";
  }
}

/**
 * Asks and gives up after `ms` or when `outer` aborts. The client never settles when the connection is cut inside an
 * answer's body, so every question needs an end of its own.
 */
export async function within<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> {
  const abort = new AbortController();
  const aborted = Promise.withResolvers<never>();
  const giveUp = (reason: unknown): void => {
    aborted.reject(reason);
    abort.abort(reason);
  };
  const passOn = (): void => giveUp(outer?.reason);
  const timer = setTimeout(() => giveUp(new AnswerTimeout(ms)), ms);
  outer?.addEventListener("abort", passOn, { once: true });
  if (outer?.aborted === true) passOn();
  try {
    return await Promise.race([ask(abort.signal), aborted.promise]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", passOn);
  }
}
