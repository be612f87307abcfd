/** An engine that takes longer for a question is treated as one that does not answer. */
export const answerMs = 15_000;

/**
 * Asks and gives up after `ms` or when `outer` aborts. The client never settles when the connection is cut inside an
 * answer's body, so every question needs an end of its own.
 */
export function within<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(ms);
  const signal = outer === undefined ? limit : AbortSignal.any([outer, limit]);
  return new Promise<T>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    ask(signal).then(resolve, reject);
  });
}
