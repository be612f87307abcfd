import { createAttemptController } from "../controllers/attempt/controller.ts";
import type { AttemptFiles, Collector, Runtime, RuntimeHealth } from "../controllers/attempt/ports.ts";
import { createRemoteController } from "../controllers/remote/controller.ts";
import type { Executors } from "../controllers/remote/ports.ts";
import { createJobController } from "../controllers/job/controller.ts";
import type { Capacity, Inventory, JobPorts, Publisher, Templates } from "../controllers/job/ports.ts";
import { createLimitsController } from "../controllers/limits/controller.ts";
import type { Attempt } from "../resources/attempt.ts";
import type { Job } from "../resources/job.ts";
import type { Limits } from "../resources/limits.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import { timestamp } from "../reconciler/conditions.ts";
import { drive } from "../reconciler/drive.ts";
import { Engine } from "../reconciler/engine.ts";
import type { Clock, Context, EventRecorder, Logger, Reconciler } from "../reconciler/types.ts";
import { effectiveLimits, type EffectiveLimits, type MachineSize } from "../scheduler/effective-limits.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import type { HistoryEntry, ObjectStore } from "../store/types.ts";
import type { Allocated } from "../scheduler/admission.ts";
import type { Placement } from "../scheduler/place-job.ts";
import { HistoryBook, type PastAttempt } from "../scheduler/history-book.ts";
import { placementStatus } from "../scheduler/render-placement.ts";
import type { PeerFacts } from "../scheduler/peer-facts.ts";
import { assignGpus } from "../scheduler/gpu-match.ts";
import { placementRequest } from "../scheduler/placement-request.ts";
import { factsOfSelf } from "./crew-facts.ts";
import type { GpuSight } from "./crew-self.ts";
import { ownGpus, withGpus } from "./gpus.ts";
import { Ledger } from "./ledger.ts";
import { connect, wakeUnfinished } from "./wake-arrows.ts";
import { Placements, type PlacementCrew } from "./placement.ts";
import { Takeover } from "./takeover.ts";
import { createTemplates, type TemplateSources } from "./templates.ts";

/** Everything the controllers stand on; all of it can be a fake. */
export interface WiringPorts {
  readonly store: ObjectStore;
  readonly declared: Pick<DeclaredWriter, "remove">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly breathe?: () => Promise<void>;
  readonly signal: AbortSignal;
  /** What peers call this machine. */
  readonly node: string;
  readonly nodeId: string;
  /** Peers of this machine's crew; absent while it is alone. */
  readonly crew: () => PlacementCrew | undefined;
  readonly executors: Executors;
  readonly machine: MachineSize;
  readonly gpus: Omit<GpuSight, "lent">;
  readonly runtimes: Readonly<Record<"docker" | "process", Runtime>>;
  readonly inventories: Readonly<Record<"docker" | "process", Inventory>>;
  readonly collector: Collector;
  readonly files: AttemptFiles;
  readonly publisher: Publisher;
  /** Something gave back what it held. */
  readonly onFreed?: () => void;
  readonly environments: TemplateSources["environments"];
  readonly scripts: TemplateSources["scripts"];
}

export interface Wiring {
  readonly engine: Engine;
  readonly limits: () => EffectiveLimits;
  readonly health: () => Promise<RuntimeHealth>;
  /** Healthy, and what ran before a restart is known: something may be started. */
  readonly ready: () => Promise<RuntimeHealth>;
  readonly allocated: () => Allocated;
  readonly gpus: GpuSight;
  readonly placements: Placements;
  /** Where this Job would go now. */
  preview(job: Job): Promise<JobPlacement>;
  /** Jobs that wait are looked at again. */
  wakeWaiting(): void;
  start(): void;
  stop(): Promise<void>;
}

/** Enough for months of a crew; older ones weigh next to nothing. */
const pastEntries = 2_000;

type JobPlacement = NonNullable<NonNullable<Job["status"]>["placement"]>;

/** How many keys of a kind are worked on at once. Attempts wait for the engine most of the time, so there are more. */
const workers = { Job: 8, Attempt: 16, Limits: 1 } as const;
/** Finds what no event told; every pass over a converged object is a few reads. */
const resyncMs = { Job: 300_000, Attempt: 30_000, Limits: 300_000 } as const;

/** Builds the controllers and the arrows between kinds: an attempt wakes its Job, freed capacity the next in line. */
export function wire(ports: WiringPorts): Wiring {
  const { store, clock, log, signal } = ports;
  const context: Context = { store, clock, log, signal, events: eventsForPeople(store) };
  const engine = new Engine({ context, random: ports.random, ...(ports.breathe && { breathe: ports.breathe }) });
  const wakeJob = (name: string): void => engine.enqueue({ kind: "Job", name });
  const wakeAttempt = (name: string): void => engine.enqueue({ kind: "Attempt", name });
  const limits = (): EffectiveLimits => {
    const object = store.get<Limits>({ kind: "Limits", name: "default" });
    return effectiveLimits(object?.spec ?? {}, ports.machine);
  };
  const health = (): Promise<RuntimeHealth> => ports.runtimes[limits().runtime].health();
  const ledger = new Ledger(store, () => {
    ports.onFreed?.();
    for (const next of jobs.nextInLine()) wakeJob(next);
  });
  const gpus = gpuSight(ports, ledger);
  const takeover = new Takeover({
    ...ports,
    build: (job) => templatesOf(ports, limits, (runtime) => ports.runtimes[runtime].health()).build(job),
  });
  const share: OwnShare = { limits, ledger, gpus, past: readPast(store) };
  const placements = placementsOf(ports, share);
  const templates = templatesOf(ports, limits, (runtime) => takeover.health(runtime));
  const jobs = createJobController(jobPorts(ports, { ...share, templates, placer: placements }), wakeJob);
  const attempts = createAttemptController({ ...ports, store, clock, wake: wakeAttempt });
  const remote = createRemoteController({ ...ports, store, clock, wake: wakeAttempt });
  const limitsController = createLimitsController(limitsPorts(share));
  register(engine, {
    Job: drive(jobs),
    Attempt: byExecutor(store, drive(attempts), drive(remote)),
    Limits: drive(limitsController),
  });
  const subscriptions: Disposable[] = [];
  return {
    engine,
    limits,
    health,
    ready: () => takeover.health(limits().runtime),
    allocated: () => ledger.allocated(),
    gpus,
    placements,
    preview: (job) =>
      previewOf(job, templates, (image) => placements.place(job, ledger.attemptsOf(job.metadata.uid), image)),
    wakeWaiting: () => wakeUnfinished(store, engine),
    start() {
      subscriptions.push(...connect({ store, engine, runtimes: ports.runtimes, forget: (name) => jobs.forget(name) }));
      engine.start();
      void takeover.sweepRegularly();
    },
    async stop() {
      for (const subscription of subscriptions.splice(0)) subscription[Symbol.dispose]();
      await Promise.all([attempts.close(), remote.close()]);
      await engine.stop();
      ledger.close();
    },
  };
}

interface OwnShare {
  readonly limits: () => EffectiveLimits;
  readonly ledger: Ledger;
  readonly gpus: GpuSight;
  readonly past: HistoryBook;
}

function limitsPorts({ limits, ledger }: OwnShare): Parameters<typeof createLimitsController>[0] {
  return { effective: limits, allocated: () => ledger.allocated(), running: () => ledger.running() };
}

function gpuSight({ store, gpus }: WiringPorts, ledger: Ledger): GpuSight {
  const most = (): number => store.get<Limits>({ kind: "Limits", name: "default" })?.spec.gpus ?? Infinity;
  return {
    seen: () => gpus.seen(),
    lent: () => ownGpus(gpus.seen(), ledger.heldGpus(), most()),
    refresh: () => gpus.refresh(),
  };
}

/** What happened on peers before, oldest first. */
function readPast(store: ObjectStore): HistoryBook {
  const past = new HistoryBook();
  for (const entry of store.history.list({ limit: pastEntries }).toReversed())
    if (entry.role !== "plug") past.add(pastOf(entry));
  return past;
}

function pastOf({ peer, job, reason, endTime, startTime, runtimeSeconds }: HistoryEntry): PastAttempt {
  return withoutUndefined({ peer, job, reason, endedAt: endTime ?? startTime, runtimeSeconds });
}

function placementsOf(ports: WiringPorts, { limits, ledger, gpus, past }: OwnShare): Placements {
  const { clock, node: name, nodeId: node, crew, machine } = ports;
  const self = (): PeerFacts => {
    const held = { allocated: ledger.allocated(), gpus: gpus.lent() };
    return factsOfSelf({ node, name, limits: limits(), ...held, cpuCount: machine.cpus });
  };
  return new Placements({ clock, name, crew, self, past });
}

async function previewOf(
  job: Job,
  templates: Templates,
  place: (image: string | undefined) => Placement,
): Promise<JobPlacement> {
  const built = await templates.build(job);
  const placement = place(built.ok ? built.template.image : undefined);
  return placementStatus(placement, timestamp(new Date())) as JobPlacement;
}

/** An attempt runs here, or is taken through another machine; which one never changes. */
function byExecutor(store: ObjectStore, here: Reconciler, elsewhere: Reconciler): Reconciler {
  return {
    reconcile: (key, context) => {
      const isRemote = store.get<Attempt>(key)?.spec.executor !== undefined;
      return (isRemote ? elsewhere : here).reconcile(key, context);
    },
  };
}

function jobPorts(ports: WiringPorts, own: Pick<JobPorts, "templates" | "placer"> & OwnShare): JobPorts {
  const { store, clock, node, publisher } = ports;
  const { ledger, templates, placer, past } = own;
  return {
    ...{ store, clock, node, publisher, templates, placer },
    attemptsOf: (uid) => ledger.attemptsOf(uid),
    cancels: store,
    history: {
      add(entry) {
        store.history.add(entry);
        past.add(pastOf(entry));
      },
    },
    capacity: capacityOf(own, clock),
    removeDeclared: async (name) => void (await ports.declared.remove({ kind: "Job", name })),
  };
}

function capacityOf({ limits, ledger, gpus }: OwnShare, clock: Clock): Capacity {
  return {
    allocatable: () => limits().allocatable,
    allocated: () => ledger.allocated(),
    withGpus(job, template) {
      const { gpu } = placementRequest(job.spec, { uid: job.metadata.uid, submitter: "" });
      if (gpu === undefined) return template;
      const assigned = assignGpus(gpu, gpus.lent());
      return assigned === undefined ? undefined : withGpus(template, assigned);
    },
    snoozedUntil: () => stillSnoozed(limits().snoozedUntil, clock.now()),
  };
}

function register(engine: Engine, reconcilers: Readonly<Record<keyof typeof workers, Reconciler>>): void {
  for (const kind of ["Job", "Attempt", "Limits"] as const) {
    engine.register({ kind, reconciler: reconcilers[kind], workers: workers[kind], resyncMs: resyncMs[kind] });
  }
}

function templatesOf(ports: WiringPorts, limits: () => EffectiveLimits, health: TemplateSources["health"]): Templates {
  const { store, environments, scripts } = ports;
  return createTemplates({
    limits,
    environments,
    scripts,
    baseDirectory: (job) => store.origin({ kind: "Job", name: job.metadata.name })?.baseDirectory ?? "/",
    health,
  });
}

/** People look at Jobs: what goes wrong with an attempt is told of its Job. */
function eventsForPeople(store: ObjectStore): EventRecorder {
  return {
    record: (about, type, reason, message) => {
      const attempt = about.kind === "Attempt" ? store.get<Attempt>(about) : undefined;
      const isOwn = attempt !== undefined && attempt.spec.hosted === undefined;
      store.events.record(isOwn ? { kind: "Job", name: attempt.spec.job.name } : about, type, reason, message);
    },
  };
}

function stillSnoozed(until: string | undefined, now: Date): string | undefined {
  return until !== undefined && Date.parse(until) > now.getTime() ? until : undefined;
}
