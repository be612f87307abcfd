import type { Sight } from "../../controllers/remote/ports.ts";
import type { PeerClient } from "../../adapters/peers/peer-client.ts";
import type { HomePaths } from "../../adapters/home.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt, AttemptReport } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { unsafeNameReason } from "../../tar/names.ts";
import { parseAttemptReport } from "../../trust/attempt-report.ts";
import { copyLog } from "../../adapters/logs/copy-log.ts";

export interface FollowingOptions {
  readonly client: PeerClient;
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly log: Logger;
  readonly wake: (attemptName: string) => void;
}

const answerMs = 6_000;
const firstPauseMs = 250;
const longestPauseMs = 2_000;
/** An attempt changes a dozen times; an executor that has news without end is not listened to all the time. */
const quickMs = 100;
const mostQuick = 50;
/** Who has been away for so long is asked less often. */
const goneAfterMs = 120_000;
const gonePauseMs = 15_000;

/** Follows one attempt on its executor: what it reports, and its log, which is copied byte by byte. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #attempt: Attempt;
  readonly #node: string;
  readonly #ended = new AbortController();
  readonly #logHome = Promise.withResolvers<void>();
  #heardMs: number;
  #report: AttemptReport | undefined;
  #version: string | undefined;
  #clockMs: number | undefined;
  #unknown = false;
  #logStarted = false;

  constructor(attempt: Attempt, options: FollowingOptions) {
    this.#options = options;
    this.#attempt = attempt;
    this.#node = attempt.spec.executor?.node ?? "";
    this.#heardMs = options.clock.monotonicMs();
    void this.#followReports();
  }

  /** Node id of the executor. */
  get node(): string {
    return this.#node;
  }

  sight(): Sight {
    return {
      ...(this.#report === undefined ? {} : { report: this.#report }),
      silentMs: this.#options.clock.monotonicMs() - this.#heardMs,
      unknown: this.#unknown,
    };
  }

  /** Resolves when every byte of the log is on this machine's disk. */
  async logHome(signal: AbortSignal): Promise<void> {
    if (this.#report?.startedAt === undefined) return;
    this.#startLog();
    await Promise.race([this.#logHome.promise, rejectOn(signal)]);
  }

  end(): void {
    this.#ended.abort();
  }

  async #followReports(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ended;
    let pauseMs = firstPauseMs;
    let quick = 0;
    while (!signal.aborted && !this.#unknown) {
      const askedMs = clock.monotonicMs();
      if (await this.#askReport()) {
        quick = clock.monotonicMs() - askedMs < quickMs ? quick + 1 : 0;
        if (quick > mostQuick) await clock.sleep(longestPauseMs, signal);
        // Asked on after the end too: while its files come home, the executor has to be known to be there.
        pauseMs = firstPauseMs;
        continue;
      }
      await clock.sleep(pauseMs, signal);
      const isGone = clock.monotonicMs() - this.#heardMs > goneAfterMs;
      pauseMs = Math.min(isGone ? gonePauseMs : longestPauseMs, pauseMs * 2);
    }
  }

  async #askReport(): Promise<boolean> {
    const { client, wake, log, clock } = this.#options;
    const { name } = this.#attempt.metadata;
    const query = new URLSearchParams();
    if (this.#version !== undefined) query.set("version", this.#version);
    if (this.#clockMs !== undefined) query.set("seen", String(this.#clockMs));
    const path = `/homie/v1/attempts/${name}/report?${query.toString()}`;
    try {
      const answer = await client.ask(this.#node, { method: "GET", path, answerMs, signal: this.#ended.signal });
      const changed = this.#take(answer);
      const wasSilent = clock.monotonicMs() - this.#heardMs > longestPauseMs + answerMs;
      this.#heardMs = clock.monotonicMs();
      if (changed || wasSilent) wake(name);
      return true;
    } catch (error) {
      if (this.#ended.signal.aborted) return false;
      this.#unknown = error instanceof HomieError && error.code === "NotFound";
      if (this.#unknown) wake(name);
      else log.debug("an executor does not report", { attempt: name, error });
      return false;
    }
  }

  /** True when it says something new. Throws PeerRefused for what cannot be a report. */
  #take(answer: unknown): boolean {
    const { version, clockMs, report } = (answer ?? {}) as { version?: unknown; clockMs?: unknown; report?: unknown };
    const { outputs, resources } = this.#attempt.spec;
    const rules = { rules: outputs.length, maxOutputBytes: resources.diskBytes, nameProblem: unsafeNameReason };
    const parsed = parseAttemptReport(report, rules);
    if (typeof parsed === "string")
      throw new HomieError("PeerRefused", `the executor's report is malformed: ${parsed}`);
    if (typeof version !== "string" || version.length > 40 || typeof clockMs !== "number")
      throw new HomieError("PeerRefused", "the executor's report has no version or clock");
    this.#clockMs = clockMs;
    if (version === this.#version) return false;
    this.#version = version;
    this.#report = parsed;
    if (parsed.startedAt !== undefined) this.#startLog();
    return true;
  }

  #startLog(): void {
    if (this.#logStarted) return;
    this.#logStarted = true;
    void this.#copyLog();
  }

  async #copyLog(): Promise<void> {
    const { client, paths, clock, log } = this.#options;
    const { signal } = this.#ended;
    const { name } = this.#attempt.metadata;
    while (!signal.aborted) {
      try {
        const complete = await copyLog(this.#attempt, paths, async (from) => {
          const path = `/homie/v1/attempts/${name}/log?from=${from}`;
          return client.fetch(this.#node, { method: "GET", path, answerMs, signal });
        });
        if (complete || this.#report?.phase === "Finished") return this.#logHome.resolve();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof HomieError && error.code === "NotFound" && this.#report?.phase === "Finished")
          return this.#logHome.resolve();
        log.debug("the log of an attempt is not followed right now", { attempt: name, error });
      }
      await clock.sleep(firstPauseMs, signal);
    }
  }
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new HomieError("PeerUnreachable", "the log is not home yet"));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
