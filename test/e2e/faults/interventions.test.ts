import { describe, expect, it } from "vitest";
import {
  type Aftermath,
  type Case,
  type Deed,
  deeds,
  intervene,
  interventionsOf,
} from "../../crew/simulation/interventions.ts";
import { program } from "../../crew/simulation/programs.ts";

const short = program(300, 0);
const cases: readonly Case[] = [
  { name: "that runs to its end", job: "a", jobs: { a: short } },
  { name: "that fails and is tried again", job: "a", jobs: { a: program(200, 3, { backoffLimit: 1 }) } },
  { name: "that waits for another", job: "b", jobs: { a: program(2_000, 0), b: short }, limits: { maxJobs: 1 } },
  { name: "that runs into its time limit", job: "a", jobs: { a: program(60_000, 0, { timeoutSeconds: 1 }) } },
];
/** From the deed to the end of all work, the two seconds for a file that is gone and the stop's ten of grace included. */
const soonMs = 15_000;

/** What the Job may come to, given what it comes to when nobody meddles. */
function expectEnd(deed: Deed, after: Aftermath, quiet: Aftermath): void {
  const [before, edited] = after.starts;
  switch (deed) {
    case "edit":
      // The new program, in one more attempt, once; of the old one no more than had begun.
      expect(after.end?.slice(0, 3)).toEqual(["Failed", "Error", 7]);
      expect(edited).toBe(1);
      expect(before).toBeLessThanOrEqual(quiet.starts[0]);
      expect(after.late).toEqual([]);
      break;
    case "relabel":
      expect({ ...after, restedAfterMs: 0 }).toMatchObject({ end: quiet.end, labels: { edited: "yes" } });
      expect(after.starts).toEqual(quiet.starts);
      break;
    case "cancel":
      // A verdict that had been reached stands.
      if (after.end?.[0] === "Cancelled") expect(after.cancelled).toBe(true);
      else expect(after.end).toEqual(quiet.end);
      break;
    case "delete":
      expect(after.end).toBeUndefined();
      expect(before).toBeLessThanOrEqual(quiet.starts[0]);
      expect(after.late).toEqual([]);
      break;
  }
  if (deed !== "relabel") expect(after.restedAfterMs).toBeLessThanOrEqual(soonMs);
}

/** Before and after each call of the engine and each durable write, in a living daemon and in one that dies of it. */
describe.each(cases)("F-38: a Job $name", (given) => {
  it.each(deeds)("%s at any step", async (deed) => {
    const quiet = await intervene(given);
    const all = interventionsOf(quiet, deed);
    expect(all.length).toBeGreaterThan(100);
    const accepted: boolean[] = [];
    for (const intervention of all) {
      const after = await intervene(given, intervention);
      try {
        expectEnd(deed, after, quiet);
      } catch (error) {
        throw new Error(`${JSON.stringify(intervention)}: ${JSON.stringify(after)}`, { cause: error });
      }
      accepted.push(after.end?.[0] === "Cancelled");
    }
    // Both were tried: early enough, and too late.
    if (deed === "cancel") expect(new Set(accepted)).toEqual(new Set([true, false]));
  });
});
