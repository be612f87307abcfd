import { describe, expect, it } from "vitest";
import { perform, plansOf } from "../../crew/simulation/perturb.ts";
import { referenceWorkloads } from "../../crew/simulation/workloads.ts";

/** After Sieve (OSDI 2022): the run in which nothing goes wrong says what every other run has to come to. */
describe.each(referenceWorkloads)("$name", (workload) => {
  it.each(Object.keys(plansOf({ writes: 0, events: 0, inspections: 0 } as never, 0)))(
    "comes to the same end, with as many containers made, started and removed, after %s",
    async (kind) => {
      const reference = await perform(workload, { type: "none" });
      const plans = plansOf(reference, workload.stages.length)[kind] ?? [];
      expect(plans.length).toBeGreaterThan(0);
      for (const plan of plans) {
        const { ending } = await perform(workload, plan);
        expect({ plan, ending }).toEqual({ plan, ending: reference.ending });
      }
    },
  );
});
