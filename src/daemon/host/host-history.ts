import type { Attempt } from "../../resources/attempt.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import type { HistoryEntry, ObjectStore } from "../../store/types.ts";

/** Keeps what was run for others (`homie history --role plug`); an attempt that never started is nothing to remember. */
export function keepHostHistory(store: ObjectStore): Disposable {
  const kept = new Set<string>();
  return store.watch("Attempt", ({ name }) => {
    const attempt = store.get<Attempt>({ kind: "Attempt", name });
    if (attempt === undefined) return void kept.delete(name);
    if (attempt.spec.hosted === undefined || attempt.status?.phase !== "Finished" || kept.has(name)) return;
    kept.add(name);
    if (attempt.status.startedAt !== undefined) store.history.add(entryOf(attempt));
  });
}

function entryOf({ spec, status }: Attempt): HistoryEntry {
  const { startedAt, finishedAt, exitCode, reason, outputs = [], message } = status ?? {};
  const ranMs = Date.parse(finishedAt ?? "") - Date.parse(startedAt ?? "");
  return withoutUndefined({
    job: spec.job.name,
    uid: spec.job.uid,
    attempt: spec.attempt,
    generation: spec.job.generation,
    peer: spec.hosted?.submitter.peer ?? "",
    role: "plug" as const,
    image: spec.image,
    exitCode,
    phase: reason === "Completed" ? "Succeeded" : reason === "Cancelled" ? "Cancelled" : "Failed",
    reason,
    startTime: startedAt,
    runtimeSeconds: Number.isNaN(ranMs) ? undefined : Math.max(0, ranMs) / 1_000,
    outputs: outputs.length,
    error: reason === "Completed" ? undefined : message,
  });
}
