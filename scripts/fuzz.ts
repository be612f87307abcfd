import { writeFileSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { parseArgs } from "node:util";
import { inputOf, tryInput, type Find } from "../test/fuzz/fuzz-run.ts";
import type { FuzzTarget } from "../test/fuzz/target.ts";
import { openTargets } from "../test/fuzz/targets.ts";
import type { Tally } from "./tally-reporter.ts";

interface Plan {
  readonly seed: number;
  /** Whichever ends first; Infinity when not asked for. */
  readonly inputs: number;
  readonly seconds: number;
  readonly first: number;
  readonly names: readonly string[];
}
interface Count {
  readonly target: string;
  inputs: number;
  accepted: number;
  find?: Find;
}
/** What the worker is at, for the thread that watches it: it cannot say so itself when it hangs. */
const slots = { stop: 0, target: 1, index: 2, length: 3 } as const;

const hangMs = 30_000;
const maxRssBytes = 1.5 * 2 ** 30;
const shownBytes = 1_500;
class UsageError extends Error {}
const usage = "usage: npm run fuzz -- [--inputs N] [--seconds N] [--seed N] [--target NAME]... [--first N]";

/** Throws UsageError, or what parseArgs throws. */
function readPlan(argv: readonly string[]): Plan {
  const number = { type: "string" } as const;
  const options = {
    inputs: number,
    seconds: number,
    seed: number,
    first: number,
    target: { type: "string", multiple: true },
  } as const;
  const { values } = parseArgs({ args: [...argv], options });
  const whole = (text: string | undefined, otherwise: number): number => {
    if (text === undefined) return otherwise;
    if (!/^[0-9]{1,15}$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is no whole number`);
    return Number(text);
  };
  const isOpen = values.inputs === undefined && values.seconds === undefined;
  return {
    // Another place each time; CI looks where it looked before, so that a red run is about the change.
    seed: whole(values.seed, process.env["CI"] === "true" ? 20_261_123 : Date.now() % 2 ** 31),
    inputs: whole(values.inputs, Infinity),
    seconds: whole(values.seconds, isOpen ? 60 : Infinity),
    first: whole(values.first, 0),
    names: values.target ?? [],
  };
}

/** In the worker: rounds over all targets until there were enough; a target that broke is left out from then on. */
async function work({ plan, progress }: { readonly plan: Plan; readonly progress: Int32Array }): Promise<void> {
  const all = await openTargets();
  const targets = plan.names.length === 0 ? all : all.filter(({ name }) => plan.names.includes(name));
  const counts = targets.map(({ name }): Count => ({ target: name, inputs: 0, accepted: 0 }));
  const endMs = performance.now() + plan.seconds * 1_000;
  let left = plan.inputs;
  for (let isOver = false; !isOver;) {
    for (const [at, target] of targets.entries()) {
      const count = counts[at];
      if (count === undefined || count.find !== undefined) continue;
      Atomics.store(progress, slots.target, all.indexOf(target));
      left -= await batch(target, count, { plan, progress, most: Math.min(left, target.share) });
    }
    const isIdle = counts.every(({ find }) => find !== undefined);
    isOver = isIdle || left <= 0 || performance.now() >= endMs || Atomics.load(progress, slots.stop) === 1;
  }
  parentPort?.postMessage(counts);
}

interface Batch {
  readonly plan: Plan;
  readonly progress: Int32Array;
  readonly most: number;
}

async function batch(target: FuzzTarget, count: Count, { plan, progress, most }: Batch): Promise<number> {
  for (let done = 0; done < most; done += 1) {
    const index = plan.first + count.inputs;
    Atomics.store(progress, slots.index, index);
    const outcome = await tryInput(target, plan.seed, index);
    count.inputs += 1;
    if (outcome === "accepted") count.accepted += 1;
    else if (outcome !== "refused") {
      count.find = outcome;
      return done + 1;
    }
  }
  return most;
}

/** Ends a worker that stands still or takes too much memory: it cannot be asked to. */
function watch(worker: Worker, progress: Int32Array, onDead: (message: string) => void): NodeJS.Timeout {
  let seen = "";
  let sinceMs = performance.now();
  return setInterval(() => {
    const now = `${Atomics.load(progress, slots.target)} ${Atomics.load(progress, slots.index)}`;
    if (now !== seen) [seen, sinceMs] = [now, performance.now()];
    const rss = process.memoryUsage.rss();
    if (rss > maxRssBytes) onDead(`took ${Math.round(rss / 2 ** 20)} MiB of memory`);
    else if (performance.now() - sinceMs > hangMs) onDead(`did not end in ${hangMs / 1_000} s`);
    else return;
    void worker.terminate();
  }, 250);
}

async function run(plan: Plan): Promise<readonly Count[]> {
  const progress = new Int32Array(new SharedArrayBuffer(slots.length * 4));
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { plan, progress },
    resourceLimits: { maxOldGenerationSizeMb: 768 },
  });
  const stop = (): void => void Atomics.store(progress, slots.stop, 1);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  let dead: string | undefined;
  const timer = watch(worker, progress, (message) => (dead ??= message));
  try {
    return await new Promise<readonly Count[]>((resolve, reject) => {
      let isDone = false;
      worker.once("message", (counts: readonly Count[]) => {
        isDone = true;
        resolve(counts);
      });
      worker.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ERR_WORKER_OUT_OF_MEMORY") dead ??= "took too much memory";
        else reject(error);
      });
      worker.once("exit", () => {
        if (!isDone) lastInput(plan, progress, dead).then((count) => resolve([count]), reject);
      });
    });
  } finally {
    clearInterval(timer);
  }
}

/** What a worker that is gone was at. */
async function lastInput(plan: Plan, progress: Int32Array, message = "ended the whole process"): Promise<Count> {
  const [index, at] = [Atomics.load(progress, slots.index), Atomics.load(progress, slots.target)];
  const target = (await openTargets())[at];
  if (target === undefined) throw new Error("the worker ended before it began");
  const input = inputOf(target, plan.seed, index);
  const find = { target: target.name, seed: plan.seed, index, message, input };
  return { target: target.name, inputs: index - plan.first + 1, accepted: 0, find };
}

function print(counts: readonly Count[], seconds: number): void {
  for (const { target, inputs, accepted, find } of counts) {
    console.log(
      `${find === undefined ? "ok  " : "FAIL"} ${target.padEnd(16)} ${String(inputs).padStart(8)} inputs, ${accepted} accepted`,
    );
    if (find !== undefined) printFind(find);
  }
  const inputs = counts.reduce((sum, each) => sum + each.inputs, 0);
  const broken = counts.filter(({ find }) => find !== undefined).length;
  console.log(`fuzz: ${inputs} inputs in ${seconds.toFixed(1)} s, ${broken} of ${counts.length} targets broken`);
}

function printFind({ target, seed, index, message, input }: Find): void {
  const shown = Buffer.from(input).subarray(0, shownBytes).toString("base64");
  const rest = input.length > shownBytes ? `... (${input.length} bytes)` : "";
  console.log(`  ${message.replaceAll("\n", "\n  ")}`);
  console.log(
    `  seed ${seed}, input ${index}; again: npm run fuzz -- --target ${target} --seed ${seed} --first ${index} --inputs 1`,
  );
  console.log(`  input, base64: ${shown}${rest}`);
}

async function main(): Promise<void> {
  const startedMs = performance.now();
  const plan = readPlan(process.argv.slice(2));
  console.log(`fuzz: seed ${plan.seed}`);
  const known = (await openTargets()).map(({ name }) => name);
  const unknown = plan.names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new UsageError(`no target ${unknown.join(", ")}; there are ${known.join(", ")}`);
  const counts = await run(plan);
  print(counts, (performance.now() - startedMs) / 1_000);
  const failed = counts.filter(({ find }) => find !== undefined).length;
  const tally: Tally = { passed: counts.length - failed, failed, skipped: [] };
  const file = process.env["HOMIE_TEST_TALLY"];
  if (file !== undefined) writeFileSync(file, JSON.stringify(tally));
  process.exitCode = failed === 0 ? 0 : 1;
}

if (!isMainThread) await work(workerData as Parameters<typeof work>[0]);
else if (import.meta.main)
  await main().catch((error: unknown) => {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && "code" in error);
    if (!isUsage) throw error;
    console.error(`${error.message}\n${usage}`);
    process.exitCode = 2;
  });
