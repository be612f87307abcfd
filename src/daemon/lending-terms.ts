import { readdirSync, readFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { join } from "node:path";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { LendingRules } from "../scheduler/lending-rules.ts";
import { quietSpanAt } from "../scheduler/quiet-hours.ts";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const powerSupplies = "/sys/class/power_supply";
/** A record is at most 16 KiB; longer lists are judged by the claim alone. */
const mostNames = 64;

/** As Docker writes it. Containers run Linux on every host. */
export function containerPlatform(): string {
  return `linux/${architectures[arch()] ?? arch()}`;
}

/** What other machines need to know of Limits to ask the right one; what they are told on asking is the truth. */
export function lendingTerms(
  limits: EffectiveLimits,
  rules: LendingRules,
  moment: { readonly now: Date; readonly inputIdleSeconds?: number },
): Readonly<Record<string, unknown>> {
  const { peers, images, networks, quietSpans, wallTime, snoozedUntilMs, idleSeconds } = rules;
  const nowMs = moment.now.getTime();
  const quiet = quietSpans.length > 0 && quietSpanAt(quietSpans, wallTime(nowMs)) !== undefined;
  return {
    platform: containerPlatform(),
    runtime: limits.runtime,
    networks,
    ...(peers === undefined || peers.length > mostNames ? {} : { peers }),
    ...(images === undefined || images.length > mostNames ? {} : { images }),
    ...(snoozedUntilMs === undefined || snoozedUntilMs <= nowMs ? {} : { snoozedForMs: snoozedUntilMs - nowMs }),
    quiet,
    onBattery: isOnBattery() === true,
    takesWorkOnBattery: rules.onBattery,
    onlyWhenIdle: idleSeconds !== undefined,
    idle: idleSeconds === undefined || (moment.inputIdleSeconds ?? 0) >= idleSeconds,
  };
}

/** Linux tells; undefined where nobody does, or nothing says so. */
export function isOnBattery(): boolean | undefined {
  if (platform() !== "linux") return undefined;
  try {
    const supplies = readdirSync(powerSupplies).map((name) => join(powerSupplies, name));
    const read = (path: string, file: string): string => readFileSync(join(path, file), "utf8").trim();
    const mains = supplies.filter((path) => read(path, "type") === "Mains");
    if (mains.length > 0) return mains.every((path) => read(path, "online") === "0");
    const batteries = supplies.filter((path) => read(path, "type") === "Battery");
    return batteries.length === 0 ? undefined : batteries.some((path) => read(path, "status") === "Discharging");
  } catch {
    return undefined; // no such directory in containers and on many servers: nobody says that there is a battery
  }
}
