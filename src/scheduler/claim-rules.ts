import { familiarImage, matchesAny } from "./image-names.ts";
import type { Claim, ClaimLimit, ClaimLimits, DenyReason, MachineNow } from "./judge-claim.ts";
import { listed } from "./listed.ts";
import { quietSpanAt } from "./quiet-hours.ts";

/** Every rule of the owner that refuses this claim now. */
export function ruleReasons(claim: Claim, limits: ClaimLimits, machine: MachineNow): readonly DenyReason[] {
  const forOthers = claim.own ? [] : [...allowReasons(claim, limits), ...presenceReasons(limits, machine)];
  return [...forOthers, ...snoozeReasons(limits, machine)];
}

function allowReasons(claim: Claim, { effective, rules }: ClaimLimits): readonly DenyReason[] {
  const { peers, networks } = rules;
  const { submitter, network } = claim;
  const reasons: DenyReason[] = [];
  const named = peers?.includes(submitter);
  if (!networks.includes(network)) {
    reasons.push(notAllowed("allow.networks", network, networks));
  }
  if (peers !== undefined && named !== true) reasons.push(notAllowed("allow.peers", submitter, peers));
  if (effective.runtime === "docker") return [...reasons, ...imageReasons(claim, rules.images)];
  if (named === true) return reasons;
  const message = `runtime: without a container it runs Jobs of peers named in allow.peers only, and ${submitter} is not`;
  return [...reasons, { limit: "runtime", need: "docker", free: "process", message, lasting: true }];
}

function imageReasons({ image }: Claim, globs: readonly string[] | undefined): readonly DenyReason[] {
  if (globs === undefined) return [];
  const name = image === undefined ? "no image" : familiarImage(image);
  return image !== undefined && matchesAny(globs, name) ? [] : [notAllowed("allow.images", name, globs)];
}

function notAllowed(limit: ClaimLimit, need: string, allowed: readonly string[]): DenyReason {
  const free = listed(allowed);
  return { limit, need, free, message: `${limit}: ${need} is not among ${free}`, lasting: true };
}

/** Whether somebody sits there, sleeps beside it, or carries it around. */
function presenceReasons({ rules }: ClaimLimits, machine: MachineNow): readonly DenyReason[] {
  const reasons: DenyReason[] = [];
  const now = (limit: ClaimLimit, need: string, free: string, message: string): void => {
    reasons.push({ limit, need, free, message: `${limit}: ${message}`, lasting: false });
  };
  const wall = rules.quietSpans.length === 0 ? undefined : rules.wallTime(machine.nowMs);
  const span = wall === undefined ? undefined : quietSpanAt(rules.quietSpans, wall);
  if (span !== undefined && wall !== undefined) {
    const time = `${wall.text} (${rules.timeZone})`;
    now("schedule.quietHours", `outside of ${span.text}`, time, `${span.text} are quiet, and it is ${time}`);
  }
  const { idleSeconds } = rules;
  const { inputIdleSeconds, onBattery } = machine;
  if (idleSeconds !== undefined && !((inputIdleSeconds ?? 0) >= idleSeconds)) {
    const idle = inputIdleSeconds === undefined ? "unknown" : `${Math.floor(inputIdleSeconds)} s`;
    const message = `lent after ${idleSeconds} s without input, so far: ${idle}`;
    now("idle.onlyWhenIdle", `${idleSeconds} s`, idle, message);
  }
  if (onBattery === true && !rules.onBattery) {
    now("power.onBattery", "mains power", "battery", "it runs on battery");
  }
  return reasons;
}

/** Also for own Jobs: `homie snooze` means no new work. */
function snoozeReasons({ rules: { snoozedUntilMs } }: ClaimLimits, { nowMs }: MachineNow): readonly DenyReason[] {
  if (snoozedUntilMs === undefined || !(snoozedUntilMs > nowMs)) return [];
  const until = new Date(snoozedUntilMs).toISOString();
  const free = new Date(nowMs).toISOString();
  return [{ limit: "snoozedUntil", need: `after ${until}`, free, message: `snoozedUntil: ${until}`, lasting: false }];
}
