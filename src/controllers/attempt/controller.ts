import type { Attempt, AttemptReason, AttemptStatus } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { timestamp } from "../../reconciler/conditions.ts";
import { Operations } from "../../reconciler/operations.ts";
import { Stopwatch } from "../../reconciler/stopwatch.ts";
import type { Clock, Context, Controller, OwnedStore } from "../../reconciler/types.ts";
import type { AttemptAction, AttemptActual, OperationName } from "./actions.ts";
import { classifyEnding } from "./classify.ts";
import { withLateMark } from "./late-mark.ts";
import { planAttempt } from "./plan.ts";
import type { AttemptFiles, CollectOutcome, Collector, Runtime } from "./ports.ts";
import { summarizeAttempt } from "./summarize.ts";

export interface AttemptPorts {
  readonly store: OwnedStore;
  readonly clock: Clock;
  readonly runtimes: Readonly<Record<"docker" | "process", Runtime>>;
  readonly collector: Collector;
  readonly files: AttemptFiles;
  /** Brings a key back to the queue. */
  readonly wake: (name: string) => void;
}

/** Operations that end sooner leave no intermediate status behind. */
const patienceMs = 250;

export function createAttemptController(
  ports: AttemptPorts,
): Controller<Attempt, AttemptActual, AttemptAction> & { close(): Promise<void> } {
  const operations = new Operations<OperationName>(ports.clock, ports.wake);
  const stopwatch = new Stopwatch(ports.clock);
  const asked = new Map<string, number>();
  return {
    kind: "Attempt",
    observe: async (attempt) => {
      const actual = await observe(attempt, ports, operations);
      const askedMs = asked.get(attempt.metadata.name);
      return {
        ...actual,
        ...ranFor(attempt, actual, stopwatch),
        ...(askedMs === undefined ? {} : { stoppingMs: ports.clock.monotonicMs() - askedMs }),
      };
    },
    plan: planAttempt,
    execute: (action, attempt, context) => execute(action, { attempt, context, ports, operations, stopwatch, asked }),
    summarize: summarizeAttempt,
    close: () => operations.abortAll(),
  };
}

interface Scene {
  readonly attempt: Attempt;
  readonly context: Context;
  readonly ports: AttemptPorts;
  readonly operations: Operations<OperationName>;
  readonly stopwatch: Stopwatch;
  /** By attempt, when this daemon asked for its stop. What an earlier one meant to ask may never have arrived. */
  readonly asked: Map<string, number>;
}

/** Measured, not compared: whoever sets the clock of this machine ends no program. */
function ranFor({ metadata }: Attempt, { facts }: AttemptActual, stopwatch: Stopwatch): Pick<AttemptActual, "ranMs"> {
  return facts.phase === "running" ? { ranMs: stopwatch.elapsedMs(metadata.name, facts.startedAt) } : {};
}

async function observe(
  attempt: Attempt,
  ports: AttemptPorts,
  operations: Operations<OperationName>,
): Promise<AttemptActual> {
  const name = attempt.metadata.name;
  const failure = operations.takeFailure(name);
  if (failure !== undefined) throw failure.error;
  const runtime = ports.runtimes[attempt.spec.runtime];
  const operation = operations.find(name);
  const over = attempt.status?.phase === "Finished" && attempt.status.removed === true;
  // A removed attempt has nothing left in the engine to ask about.
  const health = over
    ? ({ ok: true, engine: runtime.name, version: "", warnings: [] } as const)
    : await runtime.health();
  const facts =
    over || !health.ok || isStillToStage(attempt) ? ({ phase: "absent" } as const) : await runtime.inspect(attempt);
  return {
    facts,
    health,
    capture: runtime.capture(attempt),
    ...(facts.phase === "running" ? excessOf(runtime, attempt) : {}),
    ...(operation === undefined ? {} : { operation: operation.name, operationMs: operation.elapsedMs }),
    ...(operation?.aborted === true ? { operationAborted: true } : {}),
  };
}

/** Staging finds for itself what there is, so nothing of the engine decides whether it is to be done. */
function isStillToStage({ metadata, status }: Attempt): boolean {
  return status?.staged !== true && status?.phase !== "Finished" && metadata.deletionTimestamp === undefined;
}

function excessOf(runtime: Runtime, attempt: Attempt): Pick<AttemptActual, "diskExcess"> {
  const diskExcess = runtime.diskExcess?.(attempt);
  return diskExcess === undefined ? {} : { diskExcess };
}

async function execute(action: AttemptAction, scene: Scene): Promise<void> {
  const { attempt, ports, operations } = scene;
  const runtime = ports.runtimes[attempt.spec.runtime];
  const name = attempt.metadata.name;
  switch (action.type) {
    case "Stage":
      return operations.begin(name, "Stage", patienceMs, (signal) => stage(scene, signal));
    case "Abort":
      return operations.abort(name);
    case "Start":
      recordFacts(scene, { startIntent: true });
      scene.stopwatch.notYet(name);
      await runtime.start(attempt);
      return tell(scene, "Normal", "Started", `attempt ${attempt.spec.attempt} runs`);
    case "ResumeCapture":
      return runtime.resumeCapture(attempt);
    case "Stop": {
      const { reason, message } = action;
      recordFacts(scene, { stopIntent: { reason, message, at: ports.clock.now().toISOString() } });
      scene.asked.set(name, ports.clock.monotonicMs());
      tell(scene, "Normal", "Stopping", `attempt ${attempt.spec.attempt}: ${message}`);
      return runtime.stop(attempt, action.graceSeconds);
    }
    case "Collect":
      return operations.begin(name, "Collect", patienceMs, (signal) => collect(scene, signal));
    case "Finish":
      return finish(scene, action.reason, action.message);
    case "Remove":
      await runtime.remove(attempt);
      return recordFacts(scene, { removed: true });
    case "Release":
      await ports.files.removeStagedOutputs(attempt);
      return recordFacts(scene, { released: true });
    case "Forget":
      await ports.files.removeAll(attempt);
      scene.stopwatch.forget(name);
      scene.asked.delete(name);
      return ports.store.setFinalizers({ kind: "Attempt", name }, []);
  }
}

/** Facts are durable before this returns, and so before the effect they announce. */
function recordFacts(scene: Scene, facts: Partial<AttemptStatus>): void {
  const key = { kind: "Attempt", name: scene.attempt.metadata.name } as const;
  const latest = scene.ports.store.get<Attempt>(key);
  if (latest === undefined) return;
  const now = timestamp(scene.ports.clock.now());
  const { waiting: _, ...known } = latest.status ?? { phase: "Staging", createdAt: now };
  scene.ports.store.putStatus(latest, { ...known, ...facts });
}

/** People look at the Job, so that is what events are about; the Job of a hosted attempt is on another machine. */
function tell(scene: Scene, type: "Normal" | "Warning", reason: string, message: string): void {
  const { spec, metadata } = scene.attempt;
  const about =
    spec.hosted === undefined
      ? ({ kind: "Job", name: spec.job.name } as const)
      : ({ kind: "Attempt", name: metadata.name } as const);
  scene.context.events.record(about, type, reason, message);
}

const lasting: ReadonlySet<string> = new Set(["SourceUnreadable", "EngineUnable"]);

async function stage(scene: Scene, signal: AbortSignal): Promise<void> {
  try {
    await bringInPlace(scene, signal);
  } catch (error) {
    // What is wrong with the engine is told by its health.
    if (error instanceof HomieError && error.code !== "EngineUnavailable" && !signal.aborted)
      recordFacts(scene, { waiting: { reason: error.code, message: error.message } });
    throw error;
  }
}

async function bringInPlace(scene: Scene, signal: AbortSignal): Promise<void> {
  const { attempt, ports } = scene;
  const runtime = ports.runtimes[attempt.spec.runtime];
  const createdAt = attempt.status?.createdAt ?? ports.clock.now().toISOString();
  const image = await runtime.prepareImage(attempt, signal);
  if (!image.ok) return finish(scene, "ImageMissing", image.message);
  try {
    const { containerId } = await runtime.stage(withImage(attempt, image.imageId), signal);
    recordFacts(scene, {
      staged: true,
      createdAt,
      containerId,
      stagedAt: ports.clock.now().toISOString(),
      ...(image.imageId === "" ? {} : { imageId: image.imageId }),
    });
  } catch (error) {
    // What the submitter wrote is wrong, or not for this engine: another try with the same cannot help.
    if (!(error instanceof HomieError && lasting.has(error.code))) throw error;
    finish(scene, "StageFailed", error.hint === undefined ? error.message : `${error.message}; ${error.hint}`);
  }
}

/** The image that was made present is the one that must run, before the fact is recorded too. */
function withImage(attempt: Attempt, imageId: string): Attempt {
  if (imageId === "") return attempt;
  return {
    ...attempt,
    status: { phase: "Staging", createdAt: attempt.metadata.creationTimestamp, ...attempt.status, imageId },
  };
}

async function collect(scene: Scene, signal: AbortSignal): Promise<void> {
  const { attempt, ports } = scene;
  const runtime = ports.runtimes[attempt.spec.runtime];
  const facts = await runtime.inspect(attempt);
  if (facts.phase !== "exited") return;
  // What filled the disk is not brought home: hundreds of thousands of files, or all of the space there is.
  const worthIt = facts.startError === undefined && attempt.status?.stopIntent?.reason !== "DiskFull";
  const collected: CollectOutcome = worthIt
    ? await ports.collector.collect(withExit(attempt, facts.exitCode), runtime, signal)
    : { outputs: [], skipped: [] };
  const ended = await withLateMark(runtime, attempt, facts);
  const { stdoutBytes, stderrBytes, droppedBytes } = runtime.capture(attempt);
  recordFacts(scene, {
    ...classifyEnding(attempt, ended, collected),
    phase: "Finished",
    collected: true,
    startedAt: facts.startedAt,
    finishedAt: facts.finishedAt,
    exitCode: facts.exitCode,
    outputs: collected.outputs,
    ...(collected.skipped.length === 0 ? {} : { skippedOutputs: collected.skipped }),
    logs: { stdoutBytes, stderrBytes, droppedBytes },
  });
}

/** The collector needs to know whether the program succeeded (`when: OnSuccess`). */
function withExit(attempt: Attempt, exitCode: number): Attempt {
  return attempt.status === undefined ? attempt : { ...attempt, status: { ...attempt.status, exitCode } };
}

function finish(scene: Scene, reason: AttemptReason, message: string): void {
  recordFacts(scene, { phase: "Finished", reason, message, finishedAt: scene.ports.clock.now().toISOString() });
}
