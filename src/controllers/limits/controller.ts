import type { Limits } from "../../resources/limits.ts";
import type { Controller } from "../../reconciler/types.ts";
import type { LimitsPorts } from "./ports.ts";
import { summarizeLimits, type LimitsActual } from "./summarize.ts";

/**
 * Limits need no action: they are read whenever something is about to start. This controller only says what they come to
 * on this machine and what is taken.
 */
export function createLimitsController(ports: LimitsPorts): Controller<Limits, LimitsActual, never> {
  return {
    kind: "Limits",
    observe: () =>
      Promise.resolve({ effective: ports.effective(), allocated: ports.allocated(), running: ports.running() }),
    plan: () => [],
    execute: () => Promise.resolve(),
    summarize: summarizeLimits,
  };
}
