import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { dirname, join } from "node:path";
import { attemptPaths, type HomePaths } from "../../adapters/home.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt, StopReason } from "../../resources/attempt.ts";
import type { ObjectStore } from "../../store/types.ts";

export interface HostTermsOptions {
  readonly paths: HomePaths;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A reservation holds for so long after anything was heard of it. */
const reservationMs = 30_000;
/** Results are kept for a submitter that is away. */
const keepMs = 7 * 86_400_000;
const lookMs = 1_000;

/**
 * Since the machine was switched on, sleep included: nobody can set this clock, and a daemon that was restarted goes on
 * with it.
 */
export function bootClockMs(): number {
  return Math.round(uptime() * 1_000);
}

/** Until when promises to submitters hold: reservations, leases (AtMostOnce), results nobody fetches. */
export class HostTerms {
  readonly #options: HostTermsOptions;
  readonly #timer: NodeJS.Timeout;
  /** Monotonic. */
  readonly #reservedUntil = new Map<string, number>();
  /** By the boot clock: the newest own reading that its submitter has sent back. */
  readonly #renewedAt = new Map<string, number>();

  constructor(options: HostTermsOptions) {
    this.#options = options;
    for (const attempt of this.#hosted()) {
      this.reserve(attempt.metadata.name);
      if (attempt.spec.hosted?.guarantee === "AtMostOnce")
        this.#renewedAt.set(attempt.metadata.name, this.#readRenewal(attempt));
    }
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  reserve(name: string): void {
    this.#reservedUntil.set(name, this.#options.clock.monotonicMs() + reservationMs);
  }

  extend(name: string): void {
    this.reserve(name);
  }

  begun(attempt: Attempt): void {
    this.#keep(attempt, bootClockMs());
  }

  /** `seenMs` is a reading of this machine's own clock: a message that was held up on its way renews nothing. */
  renew(attempt: Attempt, seenMs: number): void {
    const known = this.#renewedAt.get(attempt.metadata.name) ?? 0;
    if (seenMs > known && seenMs <= bootClockMs()) this.#keep(attempt, seenMs);
  }

  /** On disk too: a daemon that was killed must not count a lease anew. */
  #keep(attempt: Attempt, renewedMs: number): void {
    if (attempt.spec.hosted?.guarantee !== "AtMostOnce") return;
    this.#renewedAt.set(attempt.metadata.name, renewedMs);
    const path = this.#leasePath(attempt);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, String(renewedMs), { mode: 0o600 });
  }

  /** 0, which is long ago, when there is none or it is of an earlier start of the machine. */
  #readRenewal(attempt: Attempt): number {
    try {
      const renewedMs = Number(readFileSync(this.#leasePath(attempt), "utf8"));
      return renewedMs > 0 && renewedMs <= bootClockMs() ? renewedMs : 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
      throw error;
    }
  }

  #leasePath({ spec }: Attempt): string {
    return join(attemptPaths(this.#options.paths, spec.job.uid, spec.attempt).root, "lease");
  }

  #hosted(): readonly Attempt[] {
    return this.#options.store.list<Attempt>("Attempt").filter(({ spec }) => spec.hosted !== undefined);
  }

  #look(): void {
    const hosted = this.#hosted();
    for (const attempt of hosted) this.#judge(attempt);
    if (this.#reservedUntil.size + this.#renewedAt.size <= 2 * hosted.length) return;
    const names = new Set(hosted.map(({ metadata }) => metadata.name));
    for (const map of [this.#reservedUntil, this.#renewedAt])
      for (const name of map.keys()) if (!names.has(name)) map.delete(name);
  }

  #judge(attempt: Attempt): void {
    const { metadata, spec, status } = attempt;
    if (spec.hosted === undefined || metadata.deletionTimestamp !== undefined) return;
    if (status?.phase === "Finished") return this.#expire(attempt);
    if (spec.stop !== undefined) return;
    if (spec.hosted.begin !== true) {
      const until = this.#reservedUntil.get(metadata.name) ?? 0;
      const message = `its submitter sent nothing for ${reservationMs / 1_000} s`;
      if (this.#options.clock.monotonicMs() >= until) this.#stop(attempt, "ReservationLost", message);
      return;
    }
    if (spec.hosted.guarantee !== "AtMostOnce") return;
    const silentMs = bootClockMs() - (this.#renewedAt.get(metadata.name) ?? 0);
    const { leaseSeconds } = spec.hosted;
    if (silentMs < leaseSeconds * 1_000) return;
    this.#stop(attempt, "LeaseExpired", `its submitter was silent for longer than the lease of ${leaseSeconds} s`);
  }

  #stop(attempt: Attempt, reason: StopReason, message: string): void {
    this.#options.log.warn("an attempt of a peer ends", { attempt: attempt.metadata.name, reason, message });
    this.#options.store.putSpec<Attempt>(attempt, { ...attempt.spec, stop: { reason, message } });
  }

  /** Finished, and nobody came for it: a reservation goes at once, results after a week. */
  #expire({ metadata, spec, status }: Attempt): void {
    const endedMs = Date.parse(status?.finishedAt ?? metadata.creationTimestamp);
    const over = spec.hosted?.begin !== true || this.#options.clock.now().getTime() - endedMs >= keepMs;
    if (over) this.#options.store.delete({ kind: "Attempt", name: metadata.name });
  }
}
