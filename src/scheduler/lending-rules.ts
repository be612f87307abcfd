import type { LimitsSpec } from "../resources/limits.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import { familiarGlob } from "./image-names.ts";
import { parseQuietSpan, wallClock } from "./quiet-hours.ts";
import type { QuietSpan, WallTime } from "./quiet-hours.ts";

/** Limits that are no amounts: who, what and when. Read once a change of Limits, asked for every claim. */
export interface LendingRules {
  /** Absent: everybody of the crew. */
  readonly peers?: readonly string[];
  /** Globs; absent: every image. */
  readonly images?: readonly string[];
  readonly networks: readonly ("none" | "egress")[];
  readonly quietSpans: readonly QuietSpan[];
  readonly timeZone: string;
  readonly wallTime: (nowMs: number) => WallTime;
  /** Seconds without input that count as idle; absent: lent while in use as well. */
  readonly idleSeconds?: number;
  readonly onBattery: boolean;
  readonly snoozedUntilMs?: number;
  /** GPUs lent at most; Infinity: all there are. */
  readonly gpus: number;
}

const defaultIdleMinutes = 10;

/** `machineTimeZone` is used where Limits name none. */
export function lendingRules(spec: LimitsSpec, machineTimeZone: string): LendingRules {
  const { allow = {}, schedule = {}, power = {}, snoozedUntil, gpus = Infinity } = spec;
  const { networks = ["none"] } = allow;
  const timeZone = schedule.timeZone ?? machineTimeZone;
  return withoutUndefined({
    peers: allow.peers,
    images: allow.images?.map(familiarGlob),
    networks,
    quietSpans: (schedule.quietHours ?? []).map(parseQuietSpan),
    timeZone,
    wallTime: wallClock(timeZone),
    idleSeconds: idleSecondsOf(spec),
    onBattery: power.onBattery ?? false,
    snoozedUntilMs: snoozedUntil === undefined ? undefined : Date.parse(snoozedUntil),
    gpus,
  });
}

function idleSecondsOf({ idle }: LimitsSpec): number | undefined {
  return idle?.onlyWhenIdle === true ? (idle.afterMinutes ?? defaultIdleMinutes) * 60 : undefined;
}
