/**
 * How many times longer than promised something may take before a test fails of it: another program may want the processor or
 * the disk at any moment. HOMIE_SLACK=1 on a quiet machine holds homie to its word.
 */
const slack = Number(process.env["HOMIE_SLACK"] ?? 3);

/** The most milliseconds of what is promised to take no more than `ms`. */
export function promisedMs(ms: number): number {
  return ms * slack;
}

/** For `expect.poll`: comes true within what is promised. */
export function promised(ms: number): { readonly timeout: number; readonly interval: number } {
  return { timeout: promisedMs(ms), interval: 200 };
}
