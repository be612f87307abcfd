import { emptyHistory, recordOutcome } from "./history.ts";
import type { PeerHistory } from "./peer-facts.ts";

/** One attempt that ran, or should have run, on a peer. */
export interface PastAttempt {
  readonly peer: string;
  readonly job: string;
  readonly reason?: string;
  /** RFC 3339; when it ended, or when it began where that is not known. */
  readonly endedAt?: string;
  readonly runtimeSeconds?: number;
}

/** The peer's failure, not the program's: it lost the attempt or could not start it. */
const failures: ReadonlySet<string> = new Set([
  "PeerLost",
  "ReservationLost",
  "ContainerLost",
  "StartFailed",
  "ImageMissing",
  "LeaseExpired",
]);
/** Says nothing about the peer. */
const neutral: ReadonlySet<string> = new Set(["Cancelled", "Deleted", "Superseded", "Suspended", "StageFailed"]);
/** Of one Job on one peer; the median of the last ones counts. */
const keptRuns = 9;

/** How attempts ended on each peer, and how long a Job takes there. Rebuilt from the history when the daemon starts. */
export class HistoryBook {
  readonly #peers = new Map<string, PeerHistory>();
  /** By Job, then by peer. */
  readonly #runs = new Map<string, Map<string, readonly number[]>>();

  /** To be called in the order of their ends. */
  add({ peer, job, reason = "", endedAt, runtimeSeconds }: PastAttempt): void {
    const endedMs = Date.parse(endedAt ?? "");
    if (neutral.has(reason) || Number.isNaN(endedMs)) return;
    const outcome = failures.has(reason) ? "failed" : "succeeded";
    this.#peers.set(peer, recordOutcome(this.#peers.get(peer) ?? emptyHistory, outcome, endedMs));
    if (reason !== "Completed" || runtimeSeconds === undefined || !(runtimeSeconds > 0)) return;
    const byPeer = this.#runs.get(job) ?? new Map<string, readonly number[]>();
    this.#runs.set(job, byPeer.set(peer, [...(byPeer.get(peer) ?? []), runtimeSeconds].slice(-keptRuns)));
  }

  of(peer: string, job: string): PeerHistory {
    const history = this.#peers.get(peer) ?? emptyHistory;
    const runs = this.#runs
      .get(job)
      ?.get(peer)
      ?.toSorted((a, b) => a - b);
    const median = runs?.[Math.floor(runs.length / 2)];
    return median === undefined ? history : { ...history, runSeconds: median };
  }
}
