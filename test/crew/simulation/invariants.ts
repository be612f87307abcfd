import type { Attempt } from "../../../src/resources/attempt.ts";
import type { Job } from "../../../src/resources/job.ts";
import type { Machine } from "./machine.ts";

const finalPhases = new Set(["Succeeded", "Failed", "Cancelled"]);

/** What must hold after every step, whatever goes wrong. Throws with the id of the promise that is broken. */
export class Invariants {
  readonly #machine: Machine;
  readonly #verdicts = new Map<string, string>();
  readonly #cpus: number;

  constructor(machine: Machine, cpus: number) {
    this.#machine = machine;
    this.#cpus = cpus;
  }

  /** The database is gone, and with it what it said. */
  forget(): void {
    this.#verdicts.clear();
  }

  check(stateWasLost: boolean): void {
    this.#eachAttemptStartsOnce();
    this.#oneProgramPerJob(stateWasLost);
    this.#verdictsStay();
    // What runs unknown to a daemon that lost its database is counted as soon as it is taken over.
    if (!stateWasLost) this.#limitsHold();
  }

  #eachAttemptStartsOnce(): void {
    for (const [name, count] of this.#machine.engine.starts) {
      if (count > 1) throw new Error(`I1: ${name} was started ${count} times`);
    }
  }

  #oneProgramPerJob(stateWasLost: boolean): void {
    const running = new Set<string>();
    for (const { name, spec } of this.#machine.engine.running()) {
      const id = stateWasLost ? `${spec.job.name} ${spec.specSha256}` : spec.job.name;
      if (running.has(id)) throw new Error(`I2: ${name} runs beside another program of job ${spec.job.name}`);
      running.add(id);
    }
  }

  #verdictsStay(): void {
    for (const { metadata, status } of this.#machine.store.list<Job>("Job")) {
      if (status?.observedGeneration !== metadata.generation || !finalPhases.has(status.phase ?? "")) continue;
      const id = `${metadata.uid} ${metadata.generation}`;
      const verdict = JSON.stringify([status.phase, status.reason, status.exitCode, status.completionTime]);
      const before = this.#verdicts.get(id);
      if (before !== undefined && before !== verdict) {
        throw new Error(`I3: ${metadata.name} was ${before} and became ${verdict}`);
      }
      this.#verdicts.set(id, verdict);
    }
  }

  #limitsHold(): void {
    const cpus = this.#machine.engine.running().reduce((sum, { spec }) => sum + spec.resources.cpu, 0);
    if (cpus > this.#cpus) throw new Error(`I8: programs with ${cpus} CPUs run, ${this.#cpus} are lent`);
  }
}

/** Why the machine is not at rest yet; undefined when every Job has ended and nothing is left behind. */
export function unrest(machine: Machine): string | undefined {
  if (!machine.isAlive) return "the daemon is down";
  if (machine.hasUnread) return "I5: desired/ has not been read";
  const { store, engine } = machine;
  const jobs = store.list<Job>("Job");
  const declared = Object.keys(machine.declared).toSorted().join();
  const known = jobs.map(({ metadata }) => metadata.name).toSorted();
  if (known.join() !== declared) return `I5: jobs ${known.join()} are known, ${declared} are declared`;
  for (const { metadata, status } of jobs) {
    const seen = status?.observedGeneration === metadata.generation;
    if (!seen || !finalPhases.has(status.phase ?? ""))
      return `I5: ${metadata.name} is ${JSON.stringify([status?.phase, status?.reason, status?.message])}`;
  }
  if (engine.containers.size > 0) return `I7: containers are left: ${[...engine.containers.keys()].join()}`;
  const uids = new Set(jobs.map(({ metadata }) => metadata.uid));
  for (const { metadata, spec, status } of store.list<Attempt>("Attempt")) {
    if (!uids.has(spec.job.uid)) return `I7: attempt ${metadata.name} is left of a job that is gone`;
    if (status?.removed !== true || status.released !== true) return `I7: ${metadata.name} is not cleaned up`;
  }
  return undefined;
}
