import { readInputIdleSeconds } from "../adapters/system/input-idle.ts";
import type { Clock } from "../reconciler/types.ts";

const lookMs = 10_000;

export interface Presence {
  /** Absent where it cannot be told, or nobody wants to know. */
  now(): { readonly inputIdleSeconds?: number };
  close(): void;
}

/** Looks now and then whether somebody sits at this machine, as long as Limits ask for it. */
export function watchPresence(isWanted: () => boolean, clock: Clock): Presence {
  let seen: { readonly seconds: number; readonly atMs: number } | undefined;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking || !isWanted()) return;
    isLooking = true;
    const seconds = await readInputIdleSeconds(clock.now().getTime());
    seen = seconds === undefined ? undefined : { seconds, atMs: clock.monotonicMs() };
    isLooking = false;
  };
  void look();
  const timer = setInterval(() => void look(), lookMs).unref();
  return {
    now: () =>
      seen === undefined ? {} : { inputIdleSeconds: seen.seconds + (clock.monotonicMs() - seen.atMs) / 1_000 },
    close: () => clearInterval(timer),
  };
}
