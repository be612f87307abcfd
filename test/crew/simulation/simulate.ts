import { createHash } from "node:crypto";
import { Faults } from "./faults.ts";
import { Invariants, unrest } from "./invariants.ts";
import { Machine } from "./machine.ts";
import { expected, program, workload } from "./programs.ts";
import { randomFrom } from "./random.ts";

export interface Outcome {
  readonly seed: number;
  readonly armed: readonly string[];
  readonly kills: number;
  readonly starts: number;
  /** From the last fault until every Job had ended and nothing was left. */
  readonly restedAfterMs: number;
  /** Over everything that was done to the world, in order, with its time. */
  readonly traceSha256: string;
}

const badTimeSeconds = 30;
/** Leftovers may stay for a minute; the longest wait of a retry comes on top. */
const patienceMs = 180_000;
const quietMs = 600_000;

const jobs = {
  ...workload,
  patient: program(2_000, 0, { timeoutSeconds: 3_600 }),
  unhurried: program(300, 0, { queueTimeoutSeconds: 86_400 }),
  kept: program(300, 0, { ttlSecondsAfterFinished: 864_000 }),
};
const ends: Readonly<Record<string, readonly [string, string, number]>> = {
  ...expected,
  patient: ["Succeeded", "Completed", 1],
  unhurried: ["Succeeded", "Completed", 1],
  kept: ["Succeeded", "Completed", 1],
};

/** One seed: a bad half minute, then peace. Throws, naming the seed, when a promise is broken. */
export async function simulate(seed: number): Promise<Outcome> {
  const faults = new Faults(randomFrom(seed));
  const machine = new Machine(faults.hooks());
  faults.attach(machine);
  const invariants = new Invariants(machine, 2);
  const check = (): void => invariants.check(faults.stateWasLost);
  try {
    machine.declare(jobs);
    machine.start();
    for (let second = 0; second < badTimeSeconds; second++) {
      await machine.run(1_000, check);
      faults.beat(machine);
      if (faults.stateWasLost) invariants.forget();
    }
    faults.end();
    const restedAfterMs = await rest(machine, check);
    checkEnds(machine, faults);
    await checkQuiet(machine, check);
    return {
      seed,
      armed: [...faults.armed],
      kills: machine.kills,
      starts: machine.engine.count("start"),
      restedAfterMs,
      traceSha256: createHash("sha256").update(machine.trace.join("\n")).digest("hex"),
    };
  } catch (error) {
    const armed = [...faults.armed].join(", ") || "nothing";
    throw new Error(`seed ${seed} (${armed}): ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    machine.close();
  }
}

async function rest(machine: Machine, check: () => void): Promise<number> {
  const sinceMs = machine.clock.monotonicMs();
  for (;;) {
    const elapsedMs = machine.clock.monotonicMs() - sinceMs;
    const why = unrest(machine);
    if (why === undefined) return elapsedMs;
    if (elapsedMs > patienceMs) throw new Error(`${why}, ${elapsedMs} ms after the last fault`);
    await machine.run(100, check);
  }
}

/** What nobody touched ends as on a quiet machine. */
function checkEnds(machine: Machine, faults: Faults): void {
  for (const name of Object.keys(machine.declared)) {
    if (faults.touched.has(name)) continue;
    const status = machine.job(name)?.status;
    const [phase, reason, attempts] = ends[name] ?? [];
    // What a lost database knew is not known any more: attempts that had ended, and why a program was being stopped.
    const shown = faults.stateWasLost
      ? [status?.phase, name === "late" ? reason : status?.reason, attempts]
      : [status?.phase, status?.reason, status?.attempt];
    if (JSON.stringify(shown) !== JSON.stringify([phase, reason, attempts])) {
      throw new Error(`I5: ${name} ended as ${JSON.stringify(shown)}, not as ${JSON.stringify(ends[name])}`);
    }
  }
}

/** Nothing moves any more (I12), nor does a new daemon that knows no event find anything to do (I10). */
async function checkQuiet(machine: Machine, check: () => void): Promise<void> {
  const world = (): string =>
    JSON.stringify([
      machine.engine.operations.length,
      machine.store.snapshot("Attempt").items,
      machine.store.snapshot("Job").items,
    ]);
  const before = world();
  const version = machine.store.currentVersion();
  await machine.run(quietMs / 2, check, 1_000);
  if (machine.store.currentVersion() !== version)
    throw new Error(`I12: something was written: ${machine.trace.at(-1)}`);
  machine.kill();
  await machine.run(quietMs / 2, check, 1_000);
  if (world() !== before) throw new Error(`I10: a new daemon did something: ${machine.trace.at(-1)}`);
}
