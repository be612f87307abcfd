import type { ReportAnswer } from "../../adapters/peers/host-port.ts";
import type { Clock } from "../../reconciler/types.ts";
import type { Attempt, AttemptReport } from "../../resources/attempt.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import type { ObjectStore } from "../../store/types.ts";
import { bootClockMs } from "./host-terms.ts";

/** An unchanged report is sent again after this time: a sign of life, well within what counts as silence. */
const waitMs = 3_000;

/** Tells submitters how their attempts stand, as soon as it changes. */
export class HostReports {
  readonly #clock: Clock;
  readonly #subscription: Disposable;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#clock = clock;
    this.#subscription = store.watch("Attempt", ({ name }) => {
      for (const wake of this.#waiting.get(name) ?? []) wake();
    });
  }

  close(): void {
    this.#subscription[Symbol.dispose]();
    for (const wakes of this.#waiting.values()) for (const wake of wakes) wake();
  }

  /** `look` throws when the attempt is gone. */
  async wait(name: string, known: string | undefined, look: () => Attempt, signal: AbortSignal): Promise<ReportAnswer> {
    if (versionOf(look()) === known) await this.#change(name, signal);
    const attempt = look();
    return { version: versionOf(attempt), clockMs: bootClockMs(), report: reportOf(attempt) };
  }

  async #change(name: string, signal: AbortSignal): Promise<void> {
    const changed = new AbortController();
    const wakes = this.#waiting.get(name) ?? new Set();
    const wake = (): void => changed.abort();
    this.#waiting.set(name, wakes.add(wake));
    await this.#clock.sleep(waitMs, AbortSignal.any([signal, changed.signal]));
    wakes.delete(wake);
    if (wakes.size === 0) this.#waiting.delete(name);
  }
}

function versionOf({ metadata }: Attempt): string {
  return metadata.resourceVersion;
}

function reportOf({ status, metadata }: Attempt): AttemptReport {
  const { phase = "Created", createdAt = metadata.creationTimestamp, startedAt, finishedAt } = status ?? {};
  return withoutUndefined({
    ...{ phase, createdAt, startedAt, finishedAt },
    stagedAt: status?.stagedAt,
    exitCode: status?.exitCode,
    reason: status?.reason,
    message: status?.message,
    outputs: status?.outputs,
    skippedOutputs: status?.skippedOutputs,
    logs: status?.logs,
  });
}
