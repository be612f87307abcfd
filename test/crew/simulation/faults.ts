import type { FakeClock } from "../../support/fake-clock.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import type { Machine, MachineHooks } from "./machine.ts";
import { program } from "./programs.ts";

const faultNames = [
  "kill",
  "engineUnreachable",
  "engineFails",
  "engineSlow",
  "eventsLost",
  "removedByHand",
  "stoppedByHand",
  "diskFull",
  "clockSet",
  "stateLost",
  "jobEdited",
  "jobDeleted",
  "jobCancelled",
] as const;
export type FaultName = (typeof faultNames)[number];

const armedShare = 0.25;
const firedShare = 0.25;
/** 1 in so many calls and writes kills the daemon while that fault is armed. */
const killShare = 0.02;
const hourMs = 3_600_000;
const clockJumps = [hourMs, -hourMs, 24 * hourMs, -24 * hourMs, 87_600 * hourMs, -87_600 * hourMs, 100, -100];

/** Which faults a seed has, and what they do each time they fire (after FoundationDB's "buggify"). */
export class Faults {
  readonly armed: ReadonlySet<FaultName>;
  /** Jobs whose end is not the one of a quiet machine any more. */
  readonly touched = new Set<string>();
  stateWasLost = false;
  #over = false;
  readonly #random: () => number;
  readonly #until = new Map<FaultName, number>();
  #edits = 0;
  #nowMs: () => number = () => 0;

  constructor(random: () => number) {
    this.#random = random;
    const armed = new Set(faultNames.filter(() => random() < armedShare));
    // How long something ran while nobody looked is known by the wall clock only: see the README of this directory.
    if (armed.has("clockSet")) for (const name of ["kill", "stateLost"] as const) armed.delete(name);
    this.armed = armed;
  }

  hooks(): MachineHooks {
    const random = this.#random;
    return {
      random,
      dies: () => this.armed.has("kill") && !this.#over && random() < killShare,
      deadMs: () => random() * 3_000,
      unreachable: () => (this.#lasts("engineUnreachable") ? "nobody listens" : undefined),
      diskIsFull: () => this.#lasts("diskFull"),
      weather: () => this.#weather(),
    };
  }

  attach(machine: Machine): void {
    this.#nowMs = () => machine.clock.monotonicMs();
    this.#clock = machine.clock;
    machine.engine.deliver = () => !this.#lasts("eventsLost");
  }
  #clock: FakeClock | undefined;

  /** Once a second of the bad time. */
  beat(machine: Machine): void {
    for (const name of faultNames) {
      if (this.armed.has(name) && this.#random() < firedShare) this.#fire(name, machine);
    }
  }

  /** From now on all is well. */
  end(): void {
    this.#over = true;
    this.#until.clear();
    this.#clock?.setWallClock(0);
  }

  #lasts(name: FaultName): boolean {
    return (this.#until.get(name) ?? 0) > this.#nowMs();
  }

  async #weather(): Promise<void> {
    if (this.#lasts("engineUnreachable")) throw new HomieError("EngineUnavailable", "connect ECONNREFUSED");
    if (this.#lasts("engineSlow")) await this.#clock?.sleep(this.#random() * 2_000);
    if (this.#lasts("engineFails") && this.#random() < 0.5) {
      throw new HomieError("EngineUnavailable", "HTTP code 500: server error");
    }
  }

  #fire(name: FaultName, machine: Machine): void {
    switch (name) {
      case "kill":
        return machine.kill();
      case "engineUnreachable":
      case "engineFails":
      case "engineSlow":
      case "eventsLost":
      case "diskFull":
        this.#until.set(name, this.#nowMs() + 500 + this.#random() * 10_000);
        return;
      case "clockSet":
        return machine.clock.setWallClock(this.#pick(clockJumps) ?? 0);
      case "stateLost":
        this.stateWasLost = true;
        return machine.loseState();
      case "removedByHand":
      case "stoppedByHand":
        return this.#byHand(name, machine);
      case "jobEdited":
      case "jobDeleted":
      case "jobCancelled":
        return this.#byUser(name, machine);
    }
  }

  #byHand(name: "removedByHand" | "stoppedByHand", machine: Machine): void {
    const victim = this.#pick([...machine.engine.containers]);
    if (victim === undefined) return;
    const [container, { spec }] = victim;
    this.touched.add(spec.job.name);
    if (name === "removedByHand") machine.engine.remove(container);
    else machine.engine.stop(container, 137);
  }

  #byUser(name: "jobEdited" | "jobDeleted" | "jobCancelled", machine: Machine): void {
    const job = this.#pick(Object.keys(machine.declared));
    if (job === undefined) return;
    this.touched.add(job);
    if (name === "jobDeleted") return machine.undeclare(job);
    if (name === "jobEdited") {
      this.#edits += 1;
      return machine.declare({ ...machine.declared, [job]: program(200 + this.#edits, 0) });
    }
    // The API says no while the daemon is away, the job unknown or the disk full.
    if (machine.isAlive && machine.job(job) !== undefined && !this.#lasts("diskFull"))
      machine.store.requestCancel(job, "by alice");
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}
