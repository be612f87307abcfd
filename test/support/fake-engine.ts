import type { CaptureFacts, Collector, Runtime, RuntimeFacts } from "../../src/controllers/attempt/ports.ts";
import type { Attempt } from "../../src/resources/attempt.ts";
import type { Clock } from "../../src/reconciler/types.ts";

export interface FakeProgram {
  readonly runMs: number;
  readonly exitCode: number;
}

interface FakeContainer {
  readonly specSha256: string;
  readonly program: FakeProgram;
  startedMs?: number;
  stoppedMs?: number;
}

/** A container engine in memory, with a clock of its own; it lives on when the daemon is killed. */
export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  /** How often each attempt's program was started, ever. */
  readonly starts = new Map<string, number>();
  readonly listeners = new Set<(name: string) => void>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** argv is `["run", milliseconds, exit code]`. */
  create(attempt: Attempt): void {
    const { name } = attempt.metadata;
    if (this.containers.has(name)) return;
    const [, runMs, exitCode] = attempt.spec.argv;
    const program = { runMs: Number(runMs), exitCode: Number(exitCode) };
    this.containers.set(name, { specSha256: attempt.spec.specSha256, program });
  }

  start(name: string): void {
    const container = this.containers.get(name);
    if (container === undefined || container.startedMs !== undefined) return;
    container.startedMs = this.#clock.monotonicMs();
    this.starts.set(name, (this.starts.get(name) ?? 0) + 1);
    this.#tellAfter(name, container.program.runMs);
  }

  facts(name: string): RuntimeFacts {
    const container = this.containers.get(name);
    if (container === undefined) return { phase: "absent" };
    const known = { containerId: name, specSha256: container.specSha256 };
    if (container.startedMs === undefined) return { phase: "created", ...known };
    const startedAt = new Date(container.startedMs).toISOString();
    const naturalEndMs = container.startedMs + container.program.runMs;
    const endMs = Math.min(naturalEndMs, container.stoppedMs ?? Infinity);
    if (this.#clock.monotonicMs() < endMs) return { phase: "running", ...known, startedAt };
    const exitCode = endMs < naturalEndMs ? 143 : container.program.exitCode;
    return {
      phase: "exited",
      ...known,
      startedAt,
      exitCode,
      finishedAt: new Date(endMs).toISOString(),
      oomKilled: false,
    };
  }

  stop(name: string): void {
    const container = this.containers.get(name);
    if (container === undefined || container.stoppedMs !== undefined) return;
    container.stoppedMs = this.#clock.monotonicMs() + 100;
    this.#tellAfter(name, 100);
  }

  #tellAfter(name: string, ms: number): void {
    void this.#clock.sleep(ms).then(() => {
      for (const listener of this.listeners) listener(name);
    });
  }
}

/** One daemon's view of the engine. Every call passes `gate`, where a test lets the daemon die. */
export function createFakeRuntime(engine: FakeEngine, gate: () => void): Runtime {
  const captured = new Set<string>();
  const capture = (attempt: Attempt): CaptureFacts => {
    const { name } = attempt.metadata;
    const bytes = { stdoutBytes: 1, stderrBytes: 0, droppedBytes: 0 };
    if (!captured.has(name)) return { phase: "none", ...bytes };
    return { phase: engine.facts(name).phase === "running" ? "live" : "complete", ...bytes };
  };
  const act = async <T>(effect: () => T): Promise<T> => {
    gate();
    await Promise.resolve();
    const result = effect();
    gate();
    return result;
  };
  return {
    name: "docker",
    health: () => act(() => ({ ok: true, engine: "fake", version: "1", warnings: [] })),
    inspect: (attempt) => act(() => engine.facts(attempt.metadata.name)),
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
    remove: (attempt) => act(() => void engine.containers.delete(attempt.metadata.name)),
    list: () => act(() => [...engine.containers.keys()]),
    watch(onChange) {
      engine.listeners.add(onChange);
      return { [Symbol.dispose]: () => engine.listeners.delete(onChange) };
    },
  };
}

export const fakeCollector: Collector = {
  collect: () =>
    Promise.resolve({
      outputs: [{ path: "out.txt", bytes: 1, sha256: "00", rule: 0, executable: false }],
      skipped: [],
    }),
};
