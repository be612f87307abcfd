const patienceMs = 30_000;

/** Waits for the world without pausing: for what is a matter of microseconds and is asked a thousand times. */
export async function soon(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
