import type { Runtime } from "../controllers/attempt/ports.ts";
import type { Engine } from "../reconciler/engine.ts";
import type { Attempt } from "../resources/attempt.ts";
import type { Job } from "../resources/job.ts";
import type { Key } from "../resources/types.ts";
import type { ObjectStore } from "../store/types.ts";

interface Connected {
  readonly store: ObjectStore;
  readonly engine: Engine;
  readonly runtimes: Readonly<Record<"docker" | "process", Runtime>>;
  readonly forget: (jobName: string) => void;
}

/** Who wakes whom. An arrow only says "look again"; what there is to see is read from the store and the engine. */
export function connect({ store, engine, runtimes, forget }: Connected): readonly Disposable[] {
  const jobOf = new Map<string, string>();
  const wakeAll = (kind: "Job" | "Attempt"): void => {
    for (const { metadata } of store.list(kind)) engine.enqueue({ kind, name: metadata.name });
  };
  const onAttempt = ({ name }: { readonly name: string }): void => {
    const known = store.get<Attempt>({ kind: "Attempt", name });
    // A hosted attempt's Job is on another machine; one of the same name here is another one.
    if (known !== undefined && known.spec.hosted === undefined) jobOf.set(name, known.spec.job.name);
    const job = jobOf.get(name);
    if (known === undefined) jobOf.delete(name);
    if (job !== undefined) engine.enqueue({ kind: "Job", name: job });
    engine.enqueue({ kind: "Limits", name: "default" });
  };
  for (const { metadata } of store.list<Attempt>("Attempt")) onAttempt(metadata);
  const onRuntime = (name: string | undefined): void => {
    if (name === undefined) wakeAll("Attempt");
    else engine.enqueue({ kind: "Attempt", name });
  };
  return [
    store.watch("Attempt", onAttempt),
    store.watch(
      "Limits",
      onSpecChange(store, () => wakeUnfinished(store, engine)),
    ),
    store.watch("Job", ({ name }) => {
      if (store.get<Job>({ kind: "Job", name }) === undefined) forget(name);
    }),
    runtimes.docker.watch(onRuntime),
    runtimes.process.watch(onRuntime),
  ];
}

/** The status of Limits moves with every attempt; only a new spec concerns the Jobs that wait. */
function onSpecChange(store: ObjectStore, act: () => void): (key: Key) => void {
  let seen: number | undefined;
  return (key) => {
    const generation = store.get(key)?.metadata.generation;
    if (generation === seen) return;
    seen = generation;
    act();
  };
}

/** Changed Limits may let a waiting Job go. */
export function wakeUnfinished(store: ObjectStore, engine: Engine): void {
  for (const job of store.list<Job>("Job")) {
    if (job.status?.completionTime === undefined) engine.enqueue({ kind: "Job", name: job.metadata.name });
  }
}
