import type { CaptureFacts, Collector, Runtime, RuntimeFacts } from "../../src/controllers/attempt/ports.ts";
import type { FoundAttempt, Inventory } from "../../src/controllers/job/ports.ts";
import type { Attempt } from "../../src/resources/attempt.ts";
import type { Clock } from "../../src/reconciler/types.ts";

export interface FakeProgram {
  readonly runMs: number;
  readonly exitCode: number;
}

interface FakeContainer {
  readonly spec: Attempt["spec"];
  readonly program: FakeProgram;
  /** By the clock nobody can set. */
  startedMs?: number;
  stoppedMs?: number;
  /** By the clock on the wall, as an engine says it. */
  startedAt?: string;
  stopCode?: number;
}

export type EngineOperation = "create" | "start" | "stop" | "remove";

/** A container engine in memory, with a clock of its own; it lives on when the daemon is killed. */
export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  /** How often each attempt's program was started, ever. */
  readonly starts = new Map<string, number>();
  readonly listeners = new Set<(name: string) => void>();
  /** Everything that changed something, in order. */
  readonly operations: {
    readonly operation: EngineOperation;
    readonly name: string;
    readonly spec: Attempt["spec"];
    readonly atMs: number;
  }[] = [];
  /** Asked for each event; false loses it. */
  deliver: (name: string) => boolean = () => true;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** argv is `["run", milliseconds, exit code]`. */
  create(attempt: Attempt): void {
    const { name } = attempt.metadata;
    if (this.containers.has(name)) return;
    const [, runMs, exitCode] = attempt.spec.argv;
    this.containers.set(name, {
      spec: attempt.spec,
      program: { runMs: Number(runMs), exitCode: Number(exitCode) },
    });
    this.#did("create", name, attempt.spec);
  }

  start(name: string): void {
    const container = this.containers.get(name);
    if (container === undefined || container.startedMs !== undefined) return;
    container.startedMs = this.#clock.monotonicMs();
    container.startedAt = this.#clock.now().toISOString();
    this.starts.set(name, (this.starts.get(name) ?? 0) + 1);
    this.#did("start", name, container.spec);
    this.#tellAfter(name, container.program.runMs);
  }

  facts(name: string): RuntimeFacts {
    const container = this.containers.get(name);
    if (container === undefined) return { phase: "absent" };
    const known = { containerId: name, specSha256: container.spec.specSha256 };
    if (container.startedMs === undefined || container.startedAt === undefined) return { phase: "created", ...known };
    const { startedAt } = container;
    const naturalEndMs = container.startedMs + container.program.runMs;
    const endMs = Math.min(naturalEndMs, container.stoppedMs ?? Infinity);
    if (this.#clock.monotonicMs() < endMs) return { phase: "running", ...known, startedAt };
    const exitCode = endMs < naturalEndMs ? (container.stopCode ?? 143) : container.program.exitCode;
    const finishedAt = new Date(Date.parse(startedAt) + endMs - container.startedMs).toISOString();
    return { phase: "exited", ...known, startedAt, exitCode, finishedAt, oomKilled: false };
  }

  running(): readonly { readonly name: string; readonly spec: Attempt["spec"] }[] {
    return [...this.containers]
      .filter(([name]) => this.facts(name).phase === "running")
      .map(([name, { spec }]) => ({ name, spec }));
  }

  stop(name: string, exitCode = 143): void {
    const container = this.containers.get(name);
    if (container?.startedMs === undefined || container.stoppedMs !== undefined) return;
    if (this.facts(name).phase !== "running") return;
    container.stoppedMs = this.#clock.monotonicMs() + 100;
    container.stopCode = exitCode;
    this.#did("stop", name, container.spec);
    this.#tellAfter(name, 100);
  }

  /** Running or not. */
  remove(name: string): void {
    const container = this.containers.get(name);
    if (container === undefined) return;
    this.containers.delete(name);
    this.#did("remove", name, container.spec);
    this.#tellAfter(name, 0);
  }

  count(operation: EngineOperation): number {
    return this.operations.filter((each) => each.operation === operation).length;
  }

  #did(operation: EngineOperation, name: string, spec: Attempt["spec"]): void {
    this.operations.push({ operation, name, spec, atMs: this.#clock.monotonicMs() });
  }

  #tellAfter(name: string, ms: number): void {
    void this.#clock.sleep(ms).then(() => {
      if (!this.deliver(name)) return;
      for (const listener of this.listeners) listener(name);
    });
  }
}

/** What stands between one daemon and the engine. */
export interface Passage {
  /** Every call passes it before and after its effect; a test lets the daemon die here. */
  readonly gate: () => void;
  /** How the engine is doing; what it throws is what the daemon sees, before the effect or after it. */
  readonly weather?: (moment: "before" | "after") => Promise<void>;
  /** Why the engine cannot be reached. */
  readonly unreachable?: () => string | undefined;
  /** What an inspection answers, given what is true. */
  readonly see?: (name: string, facts: RuntimeFacts) => RuntimeFacts;
}

/** One daemon's view of the engine. */
export function createFakeRuntime(engine: FakeEngine, gate: () => void, more: Omit<Passage, "gate"> = {}): Runtime {
  const captured = new Set<string>();
  const passage: Passage = { gate, ...more };
  const act = <T>(effect: () => T): Promise<T> => pass(passage, effect);
  const capture = (attempt: Attempt): CaptureFacts => {
    const { name } = attempt.metadata;
    const bytes = { stdoutBytes: 1, stderrBytes: 0, droppedBytes: 0 };
    if (!captured.has(name)) return { phase: "none", ...bytes };
    return { phase: engine.facts(name).phase === "running" ? "live" : "complete", ...bytes };
  };
  const see = passage.see ?? ((_: string, facts: RuntimeFacts): RuntimeFacts => facts);
  return {
    name: "docker",
    health: async () => {
      gate();
      await Promise.resolve();
      const message = passage.unreachable?.();
      if (message !== undefined) return { ok: false, reason: "EngineUnavailable", message, hint: "start it" };
      return { ok: true, engine: "fake", version: "1", warnings: [] };
    },
    inspect: (attempt) => act(() => see(attempt.metadata.name, engine.facts(attempt.metadata.name))),
    prepareImage: () => act(() => ({ ok: true, imageId: "sha256:1" })),
    stage: (attempt) => act(() => (engine.create(attempt), { containerId: attempt.metadata.name })),
    start: (attempt) =>
      act(() => {
        captured.add(attempt.metadata.name);
        engine.start(attempt.metadata.name);
      }),
    resumeCapture: (attempt) => act(() => void captured.add(attempt.metadata.name)),
    capture,
    stop: (attempt) => act(() => engine.stop(attempt.metadata.name)),
    async *readWorkTree() {},
    remove: (attempt) => act(() => engine.remove(attempt.metadata.name)),
    list: () => act(() => [...engine.containers.keys()]),
    watch(onChange) {
      engine.listeners.add(onChange);
      return { [Symbol.dispose]: () => engine.listeners.delete(onChange) };
    },
  };
}

export function createFakeInventory(engine: FakeEngine, passage: Passage): Inventory {
  const found = (): readonly FoundAttempt[] =>
    [...engine.containers].map(([name, { spec }]) => ({
      name,
      uid: spec.job.uid,
      attempt: spec.attempt,
      phase: engine.facts(name).phase,
      job: spec.job.name,
      specSha256: spec.specSha256,
      ...(spec.gpus === undefined ? {} : { gpus: spec.gpus }),
    }));
  return { survey: (isKnown) => pass(passage, () => found().filter(({ name }) => !isKnown(name))) };
}

async function pass<T>(passage: Passage, effect: () => T): Promise<T> {
  passage.gate();
  await Promise.resolve();
  await passage.weather?.("before");
  const result = effect();
  await passage.weather?.("after");
  passage.gate();
  return result;
}

export const fakeCollector: Collector = {
  collect: () =>
    Promise.resolve({
      outputs: [{ path: "out.txt", bytes: 1, sha256: "00", rule: 0, executable: false }],
      skipped: [],
    }),
};
