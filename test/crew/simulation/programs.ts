import type { Declared } from "./machine.ts";

export const program = (runMs: number, exitCode: number, more: object = {}): object => ({
  image: "busybox",
  command: ["run", String(runMs), String(exitCode)],
  ...more,
});

export const workload: Declared = {
  quick: program(200, 0),
  slow: program(3_000, 0),
  fails: program(200, 3),
  retries: program(200, 3, { backoffLimit: 1 }),
  late: program(60_000, 0, { timeoutSeconds: 2 }),
};

/** Phase, reason and number of attempts when nothing but kills happens. */
export const expected: Readonly<Record<string, readonly [string, string, number]>> = {
  quick: ["Succeeded", "Completed", 1],
  slow: ["Succeeded", "Completed", 1],
  fails: ["Failed", "Error", 1],
  retries: ["Failed", "Error", 2],
  late: ["Failed", "Timeout", 1],
};
