import type { Allocated } from "../../scheduler/admission.ts";
import type { EffectiveLimits } from "../../scheduler/effective-limits.ts";

export interface LimitsPorts {
  effective(): EffectiveLimits;
  allocated(): Allocated;
  /** Names of Jobs with an attempt that is not finished. */
  running(): readonly string[];
}
