import type { AttemptFiles, Runtime, RuntimeHealth } from "../controllers/attempt/ports.ts";
import type { FoundAttempt, Inventory, TemplateOutcome } from "../controllers/job/ports.ts";
import { timestamp } from "../reconciler/conditions.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { Attempt } from "../resources/attempt.ts";
import { HomieError } from "../resources/errors.ts";
import type { Job } from "../resources/job.ts";
import { withGpus } from "./gpus.ts";
import type { ObjectStore } from "../store/types.ts";

export type RuntimeName = "docker" | "process";

export interface TakeoverPorts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly runtimes: Readonly<Record<RuntimeName, Runtime>>;
  readonly inventories: Readonly<Record<RuntimeName, Inventory>>;
  readonly files: Pick<AttemptFiles, "removeAll">;
  readonly build: (job: Job) => Promise<TemplateOutcome>;
}

/** What nobody claims in two looks this far apart goes: at most a minute after it was left behind. */
const sweepMs = 25_000;

/**
 * Makes runtimes and database agree after the database was lost or set back. What runs for a Job that is still declared,
 * unchanged, becomes its attempt again instead of being started a second time; what belongs to nobody is removed.
 */
export class Takeover {
  readonly #ports: TakeoverPorts;
  readonly #ready = new Map<RuntimeName, Promise<void>>();
  readonly #unclaimed = new Map<RuntimeName, ReadonlySet<string>>();

  constructor(ports: TakeoverPorts) {
    this.#ports = ports;
  }

  /** Healthy means, too, that what ran before is known: nothing is started before that. */
  async health(runtime: RuntimeName): Promise<RuntimeHealth> {
    const health = await this.#ports.runtimes[runtime].health();
    if (!health.ok) return health;
    try {
      await this.#takenOver(runtime);
      return health;
    } catch (error) {
      if (!(error instanceof HomieError)) throw error;
      return { ok: false, reason: error.code, message: error.message, hint: error.hint ?? "homie asks again" };
    }
  }

  /** Removes what belongs to nobody, now and then, until the signal aborts. */
  async sweepRegularly(): Promise<void> {
    const { clock, signal, log } = this.#ports;
    while (!signal.aborted) {
      for (const runtime of ["docker", "process"] as const) {
        await this.#sweep(runtime).catch((error: unknown) => log.warn("cannot look for leftovers", { runtime, error }));
      }
      await clock.sleep(sweepMs, signal);
    }
  }

  #takenOver(runtime: RuntimeName): Promise<void> {
    const running = this.#ready.get(runtime) ?? this.#takeOver(runtime);
    this.#ready.set(runtime, running);
    // What failed is tried again by the next who asks.
    running.catch(() => this.#ready.delete(runtime));
    return running;
  }

  async #takeOver(runtime: RuntimeName): Promise<void> {
    const { store, build } = this.#ports;
    const strays = await this.#survey(runtime);
    for (const job of strays.length === 0 ? [] : store.list<Job>("Job")) {
      const found = chooseFor(job, strays);
      if (found === undefined) continue;
      const template = await build(job);
      // Edited in the meantime: what runs is not what is wanted any more, and is removed as nobody's.
      const spec = template.ok ? withGpus(template.template, found.gpus) : undefined;
      if (spec === undefined || spec.specSha256 !== found.specSha256) continue;
      this.#adopt(job, found, spec);
    }
  }

  #adopt(job: Job, found: FoundAttempt, template: Omit<Attempt["spec"], "attempt" | "job">): void {
    const { store, clock, log } = this.#ports;
    const key = { kind: "Job", name: job.metadata.name } as const;
    const current = store.get<Job>(key);
    if (current?.metadata.uid !== job.metadata.uid || current.metadata.generation !== job.metadata.generation) return;
    const { attempt, uid } = found;
    // The number too: should the container go before the attempt is written down, its name is not used again.
    store.takeIdentity(key, uid, { ...current.status, attempt } as NonNullable<Job["status"]>);
    const { name, generation } = job.metadata;
    const spec = { ...template, attempt, job: { name, uid, generation } };
    const created = store.create<Attempt>({
      kind: "Attempt",
      name: found.name,
      spec,
      finalizers: ["homie.dev/cleanup"],
    });
    const createdAt = timestamp(clock.now());
    store.putStatus<Attempt>(created, { phase: "Staging", createdAt, staged: true, startIntent: true });
    log.warn("took over what ran before the database was lost", { job: name, attempt: found.name });
    store.events.record(key, "Normal", "TakenOver", `attempt ${attempt} ran before the database was lost and goes on`);
  }

  async #survey(runtime: RuntimeName): Promise<readonly FoundAttempt[]> {
    const { store, inventories } = this.#ports;
    const isKnown = (name: string): boolean => store.get({ kind: "Attempt", name }) !== undefined;
    // Asked again afterwards: what was created while the engine answered is known by now.
    return (await inventories[runtime].survey(isKnown)).filter(({ name }) => !isKnown(name));
  }

  async #sweep(runtime: RuntimeName): Promise<void> {
    const { store, runtimes, files, log } = this.#ports;
    if (!(await this.health(runtime)).ok) return;
    const strays = await this.#survey(runtime);
    const before = this.#unclaimed.get(runtime) ?? new Set<string>();
    this.#unclaimed.set(runtime, new Set(strays.map(({ name }) => name)));
    // While desired/ cannot be read in full, nobody knows whose program it is.
    const mayStop = store.problems().length === 0;
    for (const stray of strays) {
      if (!before.has(stray.name) || (stray.phase === "running" && !mayStop)) continue;
      log.warn("removing what belongs to no job", { attempt: stray.name, job: stray.job });
      const nobodys = attemptOf(stray, runtime);
      await runtimes[runtime].remove(nobodys);
      await files.removeAll(nobodys);
    }
  }
}

/** What the Job's program most likely is: it ran for a Job of this name whose attempts the database does not know. */
function chooseFor(job: Job, strays: readonly FoundAttempt[]): FoundAttempt | undefined {
  const { metadata, status } = job;
  if (metadata.deletionTimestamp !== undefined || status?.completionTime !== undefined) return undefined;
  const candidates = strays.filter(
    ({ phase, uid, attempt, job: name }) =>
      name === metadata.name &&
      (phase === "running" || phase === "exited") &&
      (status?.attempt === undefined || (uid === metadata.uid && attempt >= status.attempt)),
  );
  const rank = ({ phase, attempt }: FoundAttempt): number => (phase === "running" ? 1e9 : 0) + attempt;
  return candidates.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** Enough of an attempt to name what is to be removed. */
function attemptOf({ name, uid, attempt, job = "", specSha256 = "" }: FoundAttempt, runtime: RuntimeName): Attempt {
  return {
    apiVersion: "homie.dev/v1",
    kind: "Attempt",
    metadata: { name, uid: name, generation: 1, resourceVersion: "0", creationTimestamp: "1970-01-01T00:00:00Z" },
    spec: {
      job: { name: job, uid, generation: 1 },
      attempt,
      specSha256,
      runtime,
      argv: [],
      env: [],
      workingDir: "",
      network: "none",
      resources: { cpu: 0, memoryBytes: 0, diskBytes: 0, pids: 0 },
      sources: { exclude: [], files: [] },
      outputs: [],
    },
  };
}
