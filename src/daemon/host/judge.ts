import type { ClaimAnswer } from "../../adapters/peers/host-port.ts";
import type { RuntimeHealth } from "../../controllers/attempt/ports.ts";
import type { Limits, LimitsSpec } from "../../resources/limits.ts";
import type { Allocated } from "../../scheduler/admission.ts";
import type { EffectiveLimits } from "../../scheduler/effective-limits.ts";
import { assignGpus, type OwnGpus } from "../../scheduler/gpu-match.ts";
import { judgeClaim, type MachineNow } from "../../scheduler/judge-claim.ts";
import { lendingRules, type LendingRules } from "../../scheduler/lending-rules.ts";
import type { Store } from "../../reconciler/types.ts";
import type { ClaimMessage } from "../../trust/claim.ts";

export interface ClaimJudge {
  /** Why nothing can be run here at all at the moment; undefined when it can. */
  trouble(): Promise<Extract<ClaimAnswer, { granted: false }> | undefined>;
  /** Synchronous, so that decision and debit are one step: two claims never get the last place, or one GPU, together. */
  decide(claim: ClaimMessage, submitter: string): ClaimVerdict;
}

/** A grant with the GPUs that go with it: which ones they are is nobody else's business. */
export type ClaimVerdict =
  | (Extract<ClaimAnswer, { granted: true }> & { readonly gpus?: readonly string[] })
  | Extract<ClaimAnswer, { granted: false }>;

export interface JudgeOptions {
  readonly rules: () => LendingRules;
  readonly limits: () => EffectiveLimits;
  /** By attempts that are not finished, own and hosted. */
  readonly allocated: () => Allocated;
  readonly gpus: () => OwnGpus;
  /** The runtime of today; healthy also means that what ran before a restart is known. */
  readonly health: () => Promise<RuntimeHealth>;
  /** Measured now; what cannot be measured is absent. */
  readonly machine: () => Pick<MachineNow, "memoryFreeBytes" | "diskFreeBytes" | "onBattery" | "inputIdleSeconds">;
  readonly now: () => Date;
}

/** Whether this machine takes an attempt of a peer, by its Limits and its use at this moment. */
export function createJudge(options: JudgeOptions): ClaimJudge {
  const trouble: ClaimJudge["trouble"] = async () => {
    const health = await options.health();
    if (health.ok) return undefined;
    const reason = { limit: "runtime", need: "a runtime that works", free: health.reason, message: health.message };
    return { granted: false, reasons: [reason], waitable: true };
  };
  const decide: ClaimJudge["decide"] = (claim, submitter) => {
    const effective = options.limits();
    if (effective.runtime === "docker" && claim.image === undefined) {
      const message = "runtime: this machine runs jobs in containers, and the job names no image";
      return {
        granted: false,
        reasons: [{ limit: "runtime", need: "process", free: "docker", message }],
        waitable: false,
      };
    }
    const asked = { ...claim, ...claim.resources, submitter, own: false };
    const own = options.gpus();
    const now = { nowMs: options.now().getTime(), allocated: options.allocated() };
    const machine = { ...options.machine(), ...now, gpus: own.devices };
    const verdict = judgeClaim(asked, { effective, rules: options.rules() }, machine);
    if (!verdict.granted) return { granted: false, reasons: verdict.reasons, waitable: verdict.waitable };
    const { cpu, memoryBytes, diskBytes } = claim.resources;
    const { pids, timeoutSeconds } = verdict;
    const gpus = claim.gpu === undefined ? undefined : assignGpus(claim.gpu, own);
    return {
      granted: true,
      runtime: effective.runtime,
      resources: { cpu, memoryBytes, diskBytes, pids },
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(gpus === undefined ? {} : { gpus }),
    };
  };
  return { trouble, decide };
}

/** Limits are parsed once a change. */
export function rulesReader(store: Store): () => LendingRules {
  let parsed: { readonly spec: LimitsSpec | undefined; readonly rules: LendingRules } | undefined;
  return () => {
    const spec = store.get<Limits>({ kind: "Limits", name: "default" })?.spec;
    if (parsed === undefined || parsed.spec !== spec)
      parsed = { spec, rules: lendingRules(spec ?? {}, Intl.DateTimeFormat().resolvedOptions().timeZone) };
    return parsed.rules;
  };
}
