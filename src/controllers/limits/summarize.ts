import type { Limits, LimitsStatus } from "../../resources/limits.ts";
import { mergeConditions, type ConditionDraft } from "../../reconciler/conditions.ts";
import type { Summary } from "../../reconciler/types.ts";
import type { Allocated } from "../../scheduler/admission.ts";
import type { EffectiveLimits } from "../../scheduler/effective-limits.ts";

export interface LimitsActual {
  readonly effective: EffectiveLimits;
  readonly allocated: Allocated;
  readonly running: readonly string[];
}

export function summarizeLimits(limits: Limits, actual: LimitsActual, now: Date): Summary<Limits> {
  const { allocatable, clamped, snoozedUntil } = actual.effective;
  const snoozed = snoozedUntil !== undefined && Date.parse(snoozedUntil) > now.getTime();
  const drafts: ConditionDraft[] = [
    clamped.length === 0
      ? { type: "WithinMachine", status: "True", reason: "Fits", message: "" }
      : {
          type: "WithinMachine",
          status: "False",
          reason: "Clamped",
          message: `more than this machine has, lowered: ${clamped.join(", ")}`,
        },
    snoozed
      ? { type: "AcceptingJobs", status: "False", reason: "Snoozed", message: `until ${snoozedUntil}` }
      : { type: "AcceptingJobs", status: "True", reason: "Awake", message: "" },
  ];
  const { jobs, ...sizes } = allocatable;
  const status: LimitsStatus = {
    observedGeneration: limits.metadata.generation,
    allocatable: { ...sizes, ...(jobs === Infinity ? {} : { jobs }) },
    allocated: { ...actual.allocated },
    running: [...actual.running],
    conditions: [...mergeConditions(limits.status?.conditions, drafts, now)],
  };
  return { status, result: snoozed ? { requeueAfterMs: Date.parse(snoozedUntil) - now.getTime() } : {} };
}
