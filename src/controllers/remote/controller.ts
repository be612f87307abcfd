import type { Attempt, AttemptReason, AttemptReport, AttemptStatus } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { timestamp } from "../../reconciler/conditions.ts";
import { Operations } from "../../reconciler/operations.ts";
import type { Clock, Context, Controller, OwnedStore } from "../../reconciler/types.ts";
import type { RemoteAction, RemoteActual } from "./actions.ts";
import { planRemote } from "./plan.ts";
import type { Executors, RemoteFiles } from "./ports.ts";
import { summarizeRemote } from "./summarize.ts";

export interface RemotePorts {
  readonly store: OwnedStore;
  readonly clock: Clock;
  readonly executors: Executors;
  readonly files: RemoteFiles;
  readonly wake: (attemptName: string) => void;
}

export interface RemoteController extends Controller<Attempt, RemoteActual, RemoteAction> {
  /** Ends what is under way; the next daemon goes on from facts. */
  close(): Promise<void>;
}

/** Operations quicker than this are waited for: a small job is staged within one pass. */
const patienceMs = 50;

/** Runs attempts that other machines execute; `spec.executor` is set in all of them. */
export function createRemoteController(ports: RemotePorts): RemoteController {
  const operations = new Operations<"Stage" | "Collect">(ports.clock, ports.wake);
  const scene: Scene = { ports, operations, failing: new Map(), stopTold: new Set() };
  return {
    kind: "Attempt",
    observe: (attempt) => Promise.resolve(observe(attempt, scene)),
    plan: (attempt, actual) => planRemote(attempt, actual),
    execute: (action, attempt, context) => execute(action, attempt, scene, context),
    summarize: summarizeRemote,
    close: () => operations.abortAll(),
  };
}

interface Scene {
  readonly ports: RemotePorts;
  readonly operations: Operations<"Stage" | "Collect">;
  /** When staging first failed for want of a good answer, monotonic, and what was said the last time. */
  readonly failing: Map<string, { readonly sinceMs: number; readonly said: string }>;
  readonly stopTold: Set<string>;
}

const nowhere = { silentMs: 0, unknown: false } as const;

function observe(attempt: Attempt, scene: Scene): RemoteActual {
  const { ports, operations, failing } = scene;
  const { name } = attempt.metadata;
  const failure = operations.takeFailure(name);
  if (failure !== undefined) noteFailure(name, failure.error, scene);
  const operation = operations.find(name);
  const failed = failing.get(name);
  const begun = attempt.status?.startIntent === true && attempt.status.dismissed !== true;
  return {
    sight: begun ? ports.executors.look(attempt) : nowhere,
    ...(operation === undefined ? {} : { operation: operation.name, operationMs: operation.elapsedMs }),
    ...(operation?.aborted === true ? { operationAborted: true } : {}),
    ...(failed === undefined
      ? {}
      : { stageFailingMs: ports.clock.monotonicMs() - failed.sinceMs, stageFailure: failed.said }),
    ...(scene.stopTold.has(name) ? { stopTold: true } : {}),
  };
}

/** Thrown once, so that the engine backs off; what is remembered is since when there is no good answer, and why. */
function noteFailure(name: string, error: unknown, { failing, ports }: Scene): never {
  if (error instanceof HomieError && error.code === "PeerUnreachable") {
    const sinceMs = failing.get(name)?.sinceMs ?? ports.clock.monotonicMs();
    failing.set(name, { sinceMs, said: error.message });
  } else failing.delete(name);
  throw error;
}

async function execute(action: RemoteAction, attempt: Attempt, scene: Scene, context: Context): Promise<void> {
  const { ports, operations } = scene;
  const { executors } = ports;
  const { name } = attempt.metadata;
  switch (action.type) {
    case "Stage":
      return operations.begin(name, "Stage", patienceMs, (signal) => stage(attempt, scene, signal));
    case "Abort":
      return operations.abort(name);
    case "Begin":
      recordFacts(attempt, scene, { startIntent: true });
      if ((await executors.begin(attempt)) === "unknown") {
        const message = `${peerOf(attempt)} gave the reservation up before the program could start`;
        return finish(attempt, scene, { reason: "ReservationLost", message });
      }
      return tell(attempt, context, "Started", `attempt ${attempt.spec.attempt} begins on ${peerOf(attempt)}`);
    case "Stop":
      await executors.stop(attempt, action);
      scene.stopTold.add(name);
      return tell(attempt, context, "Stopping", `attempt ${attempt.spec.attempt}: ${action.message}`);
    case "Collect":
      return operations.begin(name, "Collect", patienceMs, (signal) => collect(attempt, scene, signal));
    case "Finish":
      return finish(attempt, scene, action);
    case "Dismiss":
      return dismiss(attempt, scene);
    case "Release":
      await ports.files.removeStagedOutputs(attempt);
      return recordFacts(attempt, scene, { released: true });
    case "Forget":
      await ports.files.removeAll(attempt);
      forget(attempt, scene);
      return ports.store.setFinalizers({ kind: "Attempt", name }, []);
  }
}

async function stage(attempt: Attempt, scene: Scene, signal: AbortSignal): Promise<void> {
  const outcome = await scene.ports.executors.stage(attempt, signal);
  scene.failing.delete(attempt.metadata.name);
  if (!outcome.ok) return finish(attempt, scene, outcome);
  recordFacts(attempt, scene, { staged: true, stagedAt: scene.ports.clock.now().toISOString() });
}

async function collect(attempt: Attempt, scene: Scene, signal: AbortSignal): Promise<void> {
  const { report } = scene.ports.executors.look(attempt);
  if (report?.phase !== "Finished") return;
  try {
    await scene.ports.executors.collect(attempt, report, signal);
  } catch (error) {
    if (!(error instanceof HomieError && error.code === "OutputRejected")) throw error;
    // Whoever promises one thing and sends another is as good as gone.
    return finish(attempt, scene, { reason: "PeerLost", message: `${peerOf(attempt)}: ${error.message}` });
  }
  recordFacts(attempt, scene, { ...endingOf(report), phase: "Finished", collected: true });
}

/** `createdAt` and `stagedAt` stay this machine's own. */
function endingOf(report: AttemptReport): Omit<AttemptReport, "createdAt"> {
  const { createdAt: _, stagedAt: _staged, ...ending } = report;
  return { ...ending, reason: report.reason ?? "ContainerLost" };
}

async function dismiss(attempt: Attempt, scene: Scene): Promise<void> {
  const answer = await scene.ports.executors.dismiss(attempt);
  if (answer === "pending") return;
  forget(attempt, scene);
  recordFacts(attempt, scene, { dismissed: true });
}

function forget(attempt: Attempt, scene: Scene): void {
  scene.ports.executors.leave(attempt);
  scene.failing.delete(attempt.metadata.name);
  scene.stopTold.delete(attempt.metadata.name);
}

function finish(
  attempt: Attempt,
  scene: Scene,
  { reason, message }: { readonly reason: AttemptReason; readonly message: string },
): void {
  recordFacts(attempt, scene, {
    phase: "Finished",
    reason,
    message,
    finishedAt: scene.ports.clock.now().toISOString(),
  });
}

/** Durable before this returns, and so before the effect a fact announces. */
function recordFacts(attempt: Attempt, { ports }: Scene, facts: Partial<AttemptStatus>): void {
  const key = { kind: "Attempt", name: attempt.metadata.name } as const;
  const latest = ports.store.get<Attempt>(key);
  if (latest === undefined) return;
  const createdAt = timestamp(ports.clock.now());
  ports.store.putStatus(latest, { phase: "Staging", createdAt, ...latest.status, ...facts });
}

function tell({ spec }: Attempt, context: Context, reason: string, message: string): void {
  context.events.record({ kind: "Job", name: spec.job.name }, "Normal", reason, message);
}

function peerOf({ spec }: Attempt): string {
  return spec.executor?.peer ?? "the executor";
}
