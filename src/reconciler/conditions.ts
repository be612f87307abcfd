import type { Condition } from "../resources/types.ts";

export type ConditionDraft = Omit<Condition, "lastTransitionTime">;

/**
 * Lays new conditions over old ones: `lastTransitionTime` moves only when `status` changes, conditions that are
 * not named are dropped, the given order stays.
 */
export function mergeConditions(
  before: readonly Condition[] | undefined,
  drafts: readonly ConditionDraft[],
  now: Date,
): readonly Condition[] {
  return drafts.map((draft) => {
    const old = before?.find((condition) => condition.type === draft.type);
    const since = old !== undefined && old.status === draft.status ? old.lastTransitionTime : timestamp(now);
    return { ...draft, lastTransitionTime: since };
  });
}

/** RFC 3339 in UTC without a fraction, as Kubernetes writes times. */
export function timestamp(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, "Z");
}
