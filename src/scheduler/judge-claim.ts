import type { Allocated } from "./admission.ts";
import { capacityReasons } from "./claim-capacity.ts";
import { ruleReasons } from "./claim-rules.ts";
import type { EffectiveLimits } from "./effective-limits.ts";
import type { LendingRules } from "./lending-rules.ts";
import type { GpuFacts } from "./peer-facts.ts";
import type { GpuRequest } from "./placement-request.ts";

/** What a submitter asks of this machine for one attempt. Its shape was checked; its amounts are checked here. */
export interface Claim {
  /** The name this machine knows the proved identity by, never one that the claim brings along. */
  readonly submitter: string;
  /** Submitted on this machine. */
  readonly own: boolean;
  readonly image?: string;
  readonly network: "none" | "egress";
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly gpu?: Omit<GpuRequest, "text">;
  /** Processes and threads the program needs; absent: whatever is lent. */
  readonly pids?: number;
  readonly timeoutSeconds?: number;
}

export interface ClaimLimits {
  readonly effective: EffectiveLimits;
  readonly rules: LendingRules;
}

/** This machine at the moment of the claim. An absent measure means that it cannot be taken here. */
export interface MachineNow {
  readonly nowMs: number;
  /** Held by attempts that are not finished. */
  readonly allocated: Allocated;
  /** All GPUs of the machine; `free`: held by no attempt. */
  readonly gpus: readonly GpuFacts[];
  /** Not in use by anything at all, owner included. */
  readonly memoryFreeBytes?: number;
  readonly diskFreeBytes?: number;
  readonly onBattery?: boolean;
  /** Since somebody last typed or moved the mouse. */
  readonly inputIdleSeconds?: number;
}

export type ClaimLimit =
  | "cpu"
  | "memory"
  | "disk"
  | "gpus"
  | "maxJobs"
  | "pids"
  | "allow.networks"
  | "allow.peers"
  | "allow.images"
  | "runtime"
  | "schedule.quietHours"
  | "idle.onlyWhenIdle"
  | "power.onBattery"
  | "snoozedUntil";

export interface DenyReason {
  readonly limit: ClaimLimit;
  readonly need: string;
  readonly free: string;
  readonly message: string;
  /** No waiting helps; only a smaller claim or other Limits do. */
  readonly lasting: boolean;
}

export interface Grant {
  readonly granted: true;
  readonly pids: number;
  /** The lower one of what is asked and what is lent; absent: no limit at all. */
  readonly timeoutSeconds?: number;
  /** The Job asked for more time than it gets. */
  readonly timeoutLowered: boolean;
}

export interface Deny {
  readonly granted: false;
  /** Every limit that refuses. */
  readonly reasons: readonly DenyReason[];
  /** True when waiting helps: none of the reasons is lasting. */
  readonly waitable: boolean;
}

/**
 * Whether this machine takes the attempt on, by its Limits and its use right now. Nothing is debited: the caller does
 * that in the same synchronous step. Own Jobs pass what is about others: allow.*, and the owner's presence (quiet
 * hours, idle, battery), which an owner who submits has decided about.
 */
export function judgeClaim(claim: Claim, limits: ClaimLimits, machine: MachineNow): Grant | Deny {
  const reasons = [...capacityReasons(claim, limits, machine), ...ruleReasons(claim, limits, machine)];
  if (reasons.length > 0) return { granted: false, reasons, waitable: reasons.every(({ lasting }) => !lasting) };
  const { pids, timeoutSeconds: longest } = limits.effective;
  const asked = claim.timeoutSeconds;
  const timeoutSeconds = asked === undefined || longest === undefined ? (asked ?? longest) : Math.min(asked, longest);
  return {
    granted: true,
    pids: claim.pids ?? pids,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    timeoutLowered: asked !== undefined && timeoutSeconds !== asked,
  };
}
