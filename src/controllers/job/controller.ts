import type { Attempt } from "../../resources/attempt.ts";
import type { Job } from "../../resources/job.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import { Stopwatch } from "../../reconciler/stopwatch.ts";
import type { Context, Controller } from "../../reconciler/types.ts";
import { timestamp } from "../../reconciler/conditions.ts";
import { admit } from "../../scheduler/admission.ts";
import type { Placement } from "../../scheduler/place-job.ts";
import { placementStatus, type PlacementStatus } from "../../scheduler/render-placement.ts";
import { isPassing } from "./waiting.ts";
import type { JobAction, JobActual, JobTimes } from "./actions.ts";
import { historyEntry } from "./history.ts";
import { JobLines } from "./lines.ts";
import { planJob } from "./plan.ts";
import type { JobPorts, PublishOutcome } from "./ports.ts";
import { summarizeJob } from "./summarize.ts";
import { judge, waitingSince } from "./verdict.ts";

export interface JobController extends Controller<Job, JobActual, JobAction> {
  /** The Jobs that get the next free slot, one a line; wake them when capacity grows. */
  nextInLine(): readonly string[];
  /** The Job was removed from the store. */
  forget(name: string): void;
}

export function createJobController(ports: JobPorts, wake: (name: string) => void): JobController {
  const stopwatch = new Stopwatch(ports.clock);
  const scene: Scene = { ports, wake, waiting: new JobLines(), published: new Map(), placed: new Map(), stopwatch };
  return {
    kind: "Job",
    observe: (job, context) => observe(job, scene, context),
    plan: planJob,
    execute: (action, job, context) => execute(action, job, scene, context),
    summarize: summarizeJob,
    nextInLine: () => scene.waiting.heads(),
    forget: (name) => {
      scene.waiting.withdraw(name);
      scene.placed.delete(name);
      for (const what of timed) stopwatch.forget(`${name} ${what}`);
    },
  };
}

interface Scene {
  readonly ports: JobPorts;
  readonly wake: (name: string) => void;
  readonly waiting: JobLines;
  /** By attempt name, from publication until the terminal status is durable; publishing again gives the same. */
  readonly published: Map<string, PublishOutcome>;
  /** By Job name: how its newest attempt was placed. */
  readonly placed: Map<string, PlacementStatus>;
  readonly stopwatch: Stopwatch;
}

async function observe(job: Job, scene: Scene, context: Context): Promise<JobActual> {
  const { ports, published } = scene;
  const attempts = attemptsOf(job, ports);
  const newest = attempts.at(-1);
  const cancel = ports.cancels.cancelRequested(job.metadata.uid, job.metadata.generation);
  const outcome = newest === undefined ? undefined : published.get(newest.metadata.name);
  const placed = scene.placed.get(job.metadata.name);
  const known: JobActual = {
    attempts,
    ...(placed === undefined ? {} : { placed }),
    node: ports.node,
    elapsedMs: timesOf(job, newest, scene.stopwatch),
    ...(cancel === undefined ? {} : { cancel }),
    ...(outcome === undefined ? {} : { published: outcome }),
  };
  if (judge(job, known, context.clock.now()).type !== "Next") {
    leaveLine(job, scene);
    return known;
  }
  return { ...known, ...(await observeTurn(job, scene)) };
}

const timed = ["waiting", "attemptEnded", "completed"] as const;

/** Measured, not compared: whoever sets the clock of this machine neither expires a Job nor holds it back. */
function timesOf(job: Job, newest: Attempt | undefined, stopwatch: Stopwatch): JobTimes {
  const { name } = job.metadata;
  const elapsed = (what: (typeof timed)[number], since: string | undefined): number | undefined => {
    if (since !== undefined) return stopwatch.elapsedMs(`${name} ${what}`, since);
    stopwatch.notYet(`${name} ${what}`);
    return undefined;
  };
  const { queueTimeoutSeconds, ttlSecondsAfterFinished } = job.spec;
  return withoutUndefined({
    waiting: queueTimeoutSeconds === undefined ? undefined : elapsed("waiting", waitingSince(job)),
    attemptEnded: newest === undefined ? undefined : elapsed("attemptEnded", newest.status?.finishedAt),
    completed: ttlSecondsAfterFinished === undefined ? undefined : elapsed("completed", job.status?.completionTime),
  });
}

function leaveLine(job: Job, scene: Scene): void {
  const before = scene.waiting.heads();
  scene.waiting.withdraw(job.metadata.name);
  for (const next of scene.waiting.heads()) if (!before.includes(next)) scene.wake(next);
}

/** Whether the Job can have a slot now; puts it in line if it can have one at all. */
async function observeTurn(job: Job, scene: Scene): Promise<Partial<JobActual>> {
  const { ports, waiting } = scene;
  const template = await ports.templates.build(job);
  if (!template.ok) {
    leaveLine(job, scene);
    return { template };
  }
  const admission = admit(template.template.resources, ports.capacity.allocated(), ports.capacity.allocatable());
  const snoozedUntil = ports.capacity.snoozedUntil();
  const placement = ports.placer.place(job, attemptsOf(job, ports), template.template.image);
  const elsewhere = placement.chosen?.facts.own === false || !mayRunHere(placement);
  if (elsewhere || (!admission.admitted && admission.never)) leaveLine(job, scene);
  else waiting.offer(job);
  const behind = waiting.isBehind(job.metadata.name);
  const deniedForMs = ports.placer.deniedForMs(job.metadata.uid);
  return withoutUndefined({ template, admission, placement, behind, deniedForMs, snoozedUntil });
}

/** `<uid>-<attempt>`, oldest first. */
function attemptsOf(job: Job, ports: JobPorts): readonly Attempt[] {
  return ports.attemptsOf(job.metadata.uid).toSorted((a, b) => a.spec.attempt - b.spec.attempt);
}

async function execute(action: JobAction, job: Job, scene: Scene, context: Context): Promise<void> {
  const { ports } = scene;
  switch (action.type) {
    case "CreateAttempt":
      return createAttempt(action, job, scene, context);
    case "Reserve":
      return reserve(action, job, scene, context);
    case "StopAttempt": {
      const attempt = findAttempt(ports, action.name);
      const { reason, message } = action;
      if (attempt !== undefined) ports.store.putSpec(attempt, { ...attempt.spec, stop: { reason, message } });
      return;
    }
    case "PublishOutputs": {
      const attempt = findAttempt(ports, action.name);
      if (attempt === undefined) return;
      const outcome = await ports.publisher.publish(job, attempt, context.signal);
      scene.published.set(action.name, outcome);
      for (const { path, because } of outcome.diverted)
        context.events.record(keyOf(job), "Warning", "OutputDiverted", `${path}: ${because}`);
      return;
    }
    case "ReleaseAttempt": {
      const attempt = findAttempt(ports, action.name);
      if (attempt === undefined) return;
      const entry = historyEntry(job, attempt, ports.node);
      ports.history.add(entry);
      const type = entry.phase === "Failed" ? "Warning" : "Normal";
      context.events.record(
        keyOf(job),
        type,
        entry.phase,
        `attempt ${entry.attempt}: ${attempt.status?.message ?? ""}`,
      );
      ports.store.putSpec(attempt, { ...attempt.spec, release: true });
      scene.published.delete(action.name);
      return;
    }
    case "DeleteAttempt":
      return ports.store.delete({ kind: "Attempt", name: action.name });
    case "DeleteJob":
      context.events.record(
        keyOf(job),
        "Normal",
        "Expired",
        `ttlSecondsAfterFinished is over: the job and its file are removed`,
      );
      return ports.removeDeclared(job.metadata.name);
    case "DropFinalizer":
      return ports.store.setFinalizers(keyOf(job), []);
  }
}

/** Admission and creation are one synchronous step: two Jobs never take the last slot, or one GPU, together. */
function createAttempt(
  action: Extract<JobAction, { type: "CreateAttempt" }>,
  job: Job,
  scene: Scene,
  context: Context,
): void {
  const { ports } = scene;
  const { attempt } = action;
  const template = ports.capacity.withGpus(job, action.template);
  if (template === undefined) return;
  const admission = admit(template.resources, ports.capacity.allocated(), ports.capacity.allocatable());
  if (!admission.admitted) return;
  if (!isUnchanged(job, ports)) return;
  const placement = ports.placer.place(job, attemptsOf(job, ports), template.image);
  create({ ...template, ...numbered(job, attempt) }, { job, placement, scene, context, where: ports.node });
  leaveLine(job, scene);
}

/** The executor's word is the truth: a denial is taken into account by the next look, which comes at once. */
async function reserve(
  action: Extract<JobAction, { type: "Reserve" }>,
  job: Job,
  scene: Scene,
  context: Context,
): Promise<void> {
  const { ports } = scene;
  const { template, attempt, candidate } = action;
  const placement = ports.placer.place(job, attemptsOf(job, ports), template.image);
  const outcome = await ports.placer.reserve(job, template, attempt, candidate);
  if (!outcome.granted) {
    context.log.info("a peer does not take a job", {
      job: job.metadata.name,
      peer: candidate.peer,
      why: outcome.message,
    });
    return;
  }
  // What was granted and is not wanted any more runs out by itself.
  if (!isUnchanged(job, ports)) return;
  const { granted: _, ...given } = outcome;
  const spec = { ...template, ...given, ...numbered(job, attempt) };
  create(spec, { job, placement, scene, context, where: candidate.peer });
}

function numbered({ metadata }: Job, attempt: number): Pick<Attempt["spec"], "attempt" | "job"> {
  const { name, uid, generation } = metadata;
  return { attempt, job: { name, uid, generation } };
}

/** While something was waited for the Job may have been edited, deleted, or known again by what it left running. */
function isUnchanged(job: Job, ports: JobPorts): boolean {
  const { uid, generation } = job.metadata;
  const current = ports.store.get<Job>(keyOf(job))?.metadata;
  return current?.uid === uid && current.generation === generation && current.deletionTimestamp === undefined;
}

interface Creation {
  readonly job: Job;
  readonly placement: Placement;
  readonly scene: Scene;
  readonly context: Context;
  readonly where: string;
}

function create(spec: Attempt["spec"], { job, placement, scene, context, where }: Creation): void {
  const { store, clock } = scene.ports;
  const name = `${spec.job.uid}-${spec.attempt}`;
  if (store.get<Attempt>({ kind: "Attempt", name }) !== undefined) return;
  store.create<Attempt>({ kind: "Attempt", name, spec, finalizers: ["homie.dev/cleanup"] });
  scene.placed.set(spec.job.name, placementStatus(placement, timestamp(clock.now())));
  const message = `attempt ${spec.attempt} starts on ${where} (${spec.runtime})`;
  context.events.record(keyOf(job), "Normal", "Scheduled", message);
}

/** The own machine could take it, now or once it has room. */
function mayRunHere({ chosen, rejected }: Placement): boolean {
  if (chosen?.facts.own === true) return true;
  const own = rejected.find(({ own: isOwn }) => isOwn === true);
  return own !== undefined && isPassing(own);
}

function findAttempt(ports: JobPorts, name: string): Attempt | undefined {
  return ports.store.get<Attempt>({ kind: "Attempt", name });
}

function keyOf(job: Job): { readonly kind: "Job"; readonly name: string } {
  return { kind: "Job", name: job.metadata.name };
}
