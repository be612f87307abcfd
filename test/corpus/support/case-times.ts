import { expect } from "vitest";

/** What a case may take: refused or handled within this. */
const goalMs = 100;
/** A machine that has other work is slower by chance; only a multiple of the goal is a failure. */
const slack = 15;

/** Measures what the corpus promises: how long each case takes. */
export interface CaseTimes {
  /** Runs the handling of one case, and fails when it took far longer than it may. `allowedMs` where more is granted. */
  measure<T>(title: string, work: () => T | Promise<T>, allowedMs?: number): Promise<T>;
  /** One line for people: how many, the slowest, and how many were over what they may take. */
  report(): string;
}

export function openCaseTimes(family: string): CaseTimes {
  const taken: { readonly title: string; readonly ms: number; readonly isOver: boolean }[] = [];
  return {
    measure: async (title, work, allowedMs = goalMs) => {
      const startedMs = performance.now();
      const answer = await work();
      const ms = performance.now() - startedMs;
      taken.push({ title, ms, isOver: ms > allowedMs });
      expect(ms, `${title}: milliseconds`).toBeLessThan(allowedMs * slack);
      return answer;
    },
    report: () => {
      const slowest = taken.toSorted((a, b) => b.ms - a.ms)[0];
      const worst = slowest === undefined ? "nothing" : `${slowest.title} (${slowest.ms.toFixed(1)} ms)`;
      const over = taken.filter(({ isOver }) => isOver).map(({ title, ms }) => `${title} (${ms.toFixed(0)} ms)`);
      const late = over.length === 0 ? "none" : over.join(", ");
      return `corpus ${family}: ${taken.length} handled, slowest ${worst}; slower than promised: ${late}`;
    },
  };
}
