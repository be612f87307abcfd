import type { RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import { Machine, type MachineHooks, type Moment } from "./machine.ts";
import type { Workload } from "./workloads.ts";

/** One thing that goes wrong once, by its number in the run. */
export type Plan =
  | { readonly type: "none" }
  | { readonly type: "crash"; readonly moment: Extract<Moment, "write" | "written">; readonly at: number }
  | { readonly type: "eventLost"; readonly at: number }
  | { readonly type: "staleInspection"; readonly at: number }
  | { readonly type: "staleReading"; readonly at: number };

/** What the world came to, and how much was done for it. */
export interface Ending {
  readonly jobs: readonly (readonly unknown[])[];
  readonly creates: number;
  readonly starts: number;
  readonly removes: number;
}
export interface Run {
  readonly ending: Ending;
  readonly writes: number;
  readonly events: number;
  /** Inspections whose older answer would have been another one. */
  readonly inspections: number;
}

const longestStageMs = 200_000;
/** A reading that is older than the last one comes this long after it. */
const staleAfterMs = 500;

export async function perform(workload: Workload, plan: Plan): Promise<Run> {
  const counted = { writes: 0, written: 0, events: 0, inspections: 0 };
  const machine = new Machine(hooksFor(plan, counted));
  machine.engine.deliver = () => {
    counted.events += 1;
    return !(plan.type === "eventLost" && counted.events === plan.at);
  };
  try {
    machine.start();
    for (const [index, stage] of workload.stages.entries()) {
      const before = machine.declared;
      stage.act(machine);
      if (plan.type === "staleReading" && plan.at === index + 1) {
        await machine.run(staleAfterMs);
        // As seen before the files were there: only additions can be seen late, what was removed does not come back.
        const common = Object.keys(before).filter((name) => name in machine.declared);
        machine.take(Object.fromEntries(common.map((name) => [name, machine.declared[name] ?? {}])));
      }
      await settle(machine, stage.until, `stage ${index + 1} of "${workload.name}"`);
    }
    await machine.run(2_000);
    return { ending: endingOf(machine), ...counted };
  } finally {
    machine.close();
  }
}

async function settle(machine: Machine, until: (machine: Machine) => boolean, what: string): Promise<void> {
  const endMs = machine.clock.monotonicMs() + longestStageMs;
  while (!(machine.isAlive && until(machine))) {
    if (machine.clock.monotonicMs() > endMs) throw new Error(`${what} never ends`);
    await machine.run(50);
  }
}

function hooksFor(plan: Plan, counted: { writes: number; written: number; inspections: number }): MachineHooks {
  const newest = new Map<string, RuntimeFacts>();
  const older = new Map<string, RuntimeFacts>();
  return {
    dies: (moment) => {
      if (moment === "port") return false;
      const count = moment === "write" ? (counted.writes += 1) : (counted.written += 1);
      return plan.type === "crash" && plan.moment === moment && plan.at === count;
    },
    see: (name, facts) => {
      const last = newest.get(name);
      if (last !== undefined && last.phase !== facts.phase) older.set(name, last);
      newest.set(name, facts);
      const stale = older.get(name);
      if (stale === undefined) return facts;
      counted.inspections += 1;
      return plan.type === "staleInspection" && plan.at === counted.inspections ? stale : facts;
    },
  };
}

function endingOf(machine: Machine): Ending {
  const names = Object.keys(machine.declared).toSorted((a, b) => a.localeCompare(b));
  const jobs = names.map((name) => {
    const status = machine.job(name)?.status;
    return [name, status?.phase, status?.reason, status?.exitCode, status?.attempt];
  });
  const { engine } = machine;
  return {
    jobs,
    creates: engine.count("create"),
    starts: engine.count("start"),
    removes: engine.count("remove"),
  };
}

export function plansOf(reference: Run, stages: number): Readonly<Record<string, readonly Plan[]>> {
  const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);
  return {
    "a crash before or after any write": numbers(reference.writes).flatMap((at) => [
      { type: "crash", moment: "write", at } as const,
      { type: "crash", moment: "written", at } as const,
    ]),
    "the loss of any one event": numbers(reference.events).map((at) => ({ type: "eventLost", at })),
    "any one outdated inspection": numbers(reference.inspections).map((at) => ({ type: "staleInspection", at })),
    "any one outdated reading": numbers(stages).map((at) => ({ type: "staleReading", at })),
  };
}
