import { terminalStatus } from "../../../src/controllers/job/verdict.ts";
import { Invariants, unrest } from "./invariants.ts";
import { type Declared, Machine, type Moment } from "./machine.ts";
import { program } from "./programs.ts";

export const deeds = ["edit", "relabel", "cancel", "delete"] as const;
export type Deed = (typeof deeds)[number];

/** What a person does to a Job at one moment of its way, by the moment's number in the quiet run. */
export interface Intervention {
  readonly deed: Deed;
  readonly moment: Moment;
  readonly at: number;
  /** The daemon dies at that moment: files are changed while it is off, a cancellation was the last thing it heard. */
  readonly dies: boolean;
}
export interface Case {
  readonly name: string;
  readonly jobs: Declared;
  /** The Job that the person means. */
  readonly job: string;
  readonly limits?: object;
}
export interface Aftermath {
  readonly moments: Readonly<Record<Moment, number>>;
  /** Phase, reason, exit code and attempt of the Job; undefined when it is gone. */
  readonly end: readonly unknown[] | undefined;
  readonly labels: object | undefined;
  /** The API said yes. */
  readonly cancelled: boolean;
  /** Starts of the program as it was before, and after, an edit. */
  readonly starts: readonly [before: number, after: number];
  /** Containers made or started for the Job as it was, after the daemon knew of the deed. */
  readonly late: readonly string[];
  /** From the deed until every Job had ended and nothing was left. */
  readonly restedAfterMs: number;
}

const edited = program(400, 7);
const labels = { edited: "yes" };
const patienceMs = 200_000;
const moments = ["port", "write", "written"] as const;
/** A call that was on its way when the daemon heard of the deed. */
const inFlightMs = 50;

/** One run; without an intervention the quiet one, in which moments are counted. */
export async function intervene(given: Case, intervention?: Intervention): Promise<Aftermath> {
  const count = { port: 0, write: 0, written: 0 };
  let deedMs: number | undefined;
  let knownMs: number | undefined;
  let cancelled = false;
  const act = (deed: Deed): void => {
    deedMs = machine.clock.monotonicMs();
    if (deed === "cancel") cancelled = cancel(machine, given.job);
    else change(machine, given.job, deed);
  };
  const machine: Machine = new Machine({
    dies: (moment) => {
      count[moment] += 1;
      if (intervention?.moment !== moment || intervention.at !== count[moment]) return false;
      const { deed, dies } = intervention;
      // A database that is being written hears nothing else: the deed falls into the first pause after it.
      if (dies && deed === "cancel") act(deed);
      else queueMicrotask(() => act(deed));
      return dies;
    },
  });
  const invariants = new Invariants(machine, 2);
  const generationOf = (): number | undefined => machine.job(given.job)?.metadata.generation;
  const check = (): void => {
    invariants.check(false);
    if (deedMs === undefined || knownMs !== undefined || !machine.isAlive || machine.hasUnread) return;
    const knows = { edit: generationOf() !== 1, relabel: true, cancel: true, delete: isGoing(machine, given.job) };
    if (knows[intervention?.deed ?? "relabel"]) knownMs = machine.clock.monotonicMs();
  };
  try {
    machine.declare(given.jobs, given.limits);
    machine.start();
    await rest(machine, check);
    const restedAfterMs = machine.clock.monotonicMs() - (deedMs ?? 0);
    await machine.run(5_000, check);
    const stays = unrest(machine);
    if (stays !== undefined) throw new Error(`not at rest for long: ${stays}`);
    const job = machine.job(given.job);
    const { phase, reason, exitCode, attempt } = job?.status ?? {};
    return {
      moments: count,
      end: job === undefined ? undefined : [phase, reason, exitCode, attempt],
      labels: job?.metadata.labels,
      cancelled,
      starts: startsOf(machine, given.job),
      late: lateOf(machine, given.job, knownMs),
      restedAfterMs,
    };
  } finally {
    machine.close();
  }
}

/** Every moment of the quiet run with that deed in it. */
export function interventionsOf({ moments: seen }: Aftermath, deed: Deed): readonly Intervention[] {
  return moments.flatMap((moment) =>
    Array.from({ length: seen[moment] }, (_, index) => index + 1).flatMap((at) =>
      [false, true].map((dies) => ({ deed, moment, at, dies })),
    ),
  );
}

/** As the API does it: what has ended is not cancelled. */
function cancel(machine: Machine, name: string): boolean {
  const job = machine.job(name);
  if (job === undefined || terminalStatus(job) !== undefined) return false;
  machine.store.requestCancel(name, "by alice");
  return true;
}

function change(machine: Machine, job: string, deed: Exclude<Deed, "cancel">): void {
  if (deed === "delete") return machine.undeclare(job);
  if (deed === "edit") return machine.declare({ ...machine.declared, [job]: edited });
  machine.labels.set(job, labels);
  machine.declare(machine.declared);
}

function isGoing(machine: Machine, name: string): boolean {
  const job = machine.job(name);
  return job === undefined || job.metadata.deletionTimestamp !== undefined;
}

async function rest(machine: Machine, check: () => void): Promise<void> {
  const endMs = machine.clock.monotonicMs() + patienceMs;
  for (;;) {
    await machine.run(50, check);
    const why = unrest(machine);
    if (why === undefined) return;
    if (machine.clock.monotonicMs() > endMs) throw new Error(`${why}, after ${patienceMs} ms`);
  }
}

function startsOf(machine: Machine, job: string): readonly [number, number] {
  const starts = machine.engine.operations.filter(({ operation }) => operation === "start");
  const of = starts.filter(({ spec }) => spec.job.name === job);
  const after = of.filter(({ spec }) => spec.argv[2] === "7").length;
  return [of.length - after, after];
}

function lateOf(machine: Machine, job: string, knownMs: number | undefined): readonly string[] {
  return machine.engine.operations
    .filter(({ operation, spec, atMs }) => {
      const forIt = spec.job.name === job && spec.argv[2] !== "7";
      return forIt && operation !== "stop" && operation !== "remove" && atMs > (knownMs ?? Infinity) + inFlightMs;
    })
    .map(({ operation, name, atMs }) => `${operation} ${name} at ${atMs} ms, known at ${knownMs} ms`);
}
