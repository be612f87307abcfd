import type { Declared, Machine } from "./machine.ts";
import { unrest } from "./invariants.ts";
import { program } from "./programs.ts";

export interface Stage {
  readonly act: (machine: Machine) => void;
  /** What is waited for before the next stage. */
  readonly until: (machine: Machine) => boolean;
}
export interface Workload {
  readonly name: string;
  readonly stages: readonly Stage[];
}

const atRest = (machine: Machine): boolean => unrest(machine) === undefined;
const isRunning =
  (name: string) =>
  (machine: Machine): boolean =>
    machine.job(name)?.status?.phase === "Running";
const declare = (jobs: Declared, until: Stage["until"] = atRest, limits?: object): Stage => ({
  act: (machine) => machine.declare(jobs, limits),
  until,
});

const long = program(5_000, 0);
const suspended = program(5_000, 0, { suspend: true });

/** After the reference workloads of Sieve (OSDI 2022): what people do with jobs, each to its end. */
export const referenceWorkloads: readonly Workload[] = [
  { name: "apply, run, delete", stages: [declare({ a: program(300, 0) }), declare({})] },
  {
    name: "recreate",
    stages: [declare({ a: long }, isRunning("a")), declare({}), declare({ a: program(300, 4) })],
  },
  { name: "retry", stages: [declare({ a: program(200, 3, { backoffLimit: 2 }) })] },
  {
    name: "change of limits",
    stages: [
      declare({ a: long, b: long, c: program(300, 0) }, isRunning("a"), { maxJobs: 1 }),
      declare({ a: long, b: long, c: program(300, 0) }, atRest, { maxJobs: 3 }),
    ],
  },
  {
    name: "suspend, resume",
    stages: [
      declare({ a: long }, isRunning("a")),
      declare(
        { a: suspended },
        (machine) => machine.job("a")?.status?.reason === "Suspended" && machine.engine.containers.size === 0,
      ),
      declare({ a: long }),
    ],
  },
  {
    name: "git checkout of other jobs",
    stages: [
      declare({ a: program(300, 0), b: program(300, 0), c: long }, isRunning("c")),
      declare({ b: program(300, 5), c: program(400, 0), d: program(300, 0) }),
    ],
  },
];
