import type { Clock, Logger } from "../../reconciler/types.ts";
import type { DesiredOutcome, ObjectStore } from "../../store/types.ts";
import type { HomePaths } from "../home.ts";
import { removeLeftoversBelow } from "./atomic-write.ts";
import { stampAt } from "./file-stamp.ts";
import { createDesiredReader, settleMs } from "./read-desired.ts";
import { createScanQueue } from "./scan-queue.ts";
import { createStatusMirror } from "./status-mirror.ts";
import { watchDesired, type DesiredWatch, type OpenWatcher } from "./watch-desired.ts";

/** Everything is read again this often, whatever the watcher said. */
const resyncMs = 30_000;
/** More often while the watcher is known to miss things, or after a reading that failed. */
const blindResyncMs = 5000;
/** Changes close together (git checkout, save all) make one reading. */
const gatherMs = 20;
/** How long `rescan` waits for files that are being written. */
const patienceMs = 1500;

export interface DesiredLoopOptions {
  readonly paths: HomePaths;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly mirrorStatus: boolean;
  readonly openWatcher?: OpenWatcher;
}

/** Keeps the objects in agreement with desired/, and the status blocks in desired/ in agreement with the objects. */
export interface DesiredLoop {
  /** Begins watching, resyncing and mirroring status. */
  start(): void;
  /** Reads desired/ from now on or later; the reading is in force when it resolves. Needs no `start()`. */
  rescan(): Promise<void>;
  /** Why changes may be seen late: the watcher is blind and only the resync finds them. */
  degraded(): string | undefined;
  /** homie has just renamed a whole file to `path`: it need not settle before it is taken. */
  trustOwnWrite(path: string): void;
  stop(): Promise<void>;
}

export function createDesiredLoop(options: DesiredLoopOptions): DesiredLoop {
  const { paths, store, clock, log } = options;
  const stopping = new AbortController();
  const reader = createDesiredReader({
    root: paths.desired,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
  });
  const trustOwnWrite = (path: string): void => {
    const stamp = stampAt(path);
    if (stamp !== undefined) reader.trust(path, stamp);
  };
  const mirror = options.mirrorStatus ? createStatusMirror({ store, clock, log, reader, trustOwnWrite }) : undefined;
  const live: { watch?: DesiredWatch; blind?: string; gathering: boolean } = { gathering: false };
  const queue = createScanQueue(scan);

  async function scan(patient: boolean): Promise<void> {
    const deadlineMs = clock.monotonicMs() + (patient ? patienceMs : 0);
    let read = await reader.read();
    while (read.unsettled.length > 0 && clock.monotonicMs() < deadlineMs && !stopping.signal.aborted) {
      await clock.sleep(settleMs, stopping.signal);
      read = await reader.read();
    }
    const outcome = store.takeDesired(read.reading, clock.now());
    if (live.watch !== undefined) scheduleNext(read.unsettled.length > 0, outcome);
    mirror?.takeReading(read.reading);
  }

  function scheduleNext(unsettled: boolean, outcome: DesiredOutcome): void {
    if (unsettled) void readLater(settleMs);
    if (outcome.nextGraceAt !== undefined) void readLater(outcome.nextGraceAt.getTime() - clock.now().getTime());
  }

  async function readLater(ms: number): Promise<void> {
    await clock.sleep(Math.max(0, ms), stopping.signal);
    if (!stopping.signal.aborted) await readInBackground();
  }

  async function readInBackground(): Promise<void> {
    try {
      await queue.request(false);
    } catch (error) {
      log.error("desired/ could not be taken; trying again", { error: String(error) });
      if (!stopping.signal.aborted) void readLater(blindResyncMs);
    }
  }

  async function resync(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(live.blind === undefined ? resyncMs : blindResyncMs, stopping.signal);
      if (!stopping.signal.aborted) await readInBackground();
    }
  }

  function onWake(path: string): void {
    const stamp = stampAt(path);
    // Our own rename: what it says is known already.
    if (stamp !== undefined && reader.isTrusted(path, stamp)) return;
    if (live.gathering) return;
    live.gathering = true;
    void clock.sleep(gatherMs, stopping.signal).then(() => {
      live.gathering = false;
      return stopping.signal.aborted ? undefined : readInBackground();
    });
  }

  function onBlind(message: string): void {
    if (live.blind === message) return;
    live.blind = message;
    log.warn("changes in desired/ are found by reading it again only", { because: message });
    if (!stopping.signal.aborted) void readInBackground();
  }

  return {
    start: () => {
      if (live.watch !== undefined || stopping.signal.aborted) return;
      removeLeftoversBelow(paths.desired);
      const { openWatcher } = options;
      live.watch = watchDesired({ root: paths.desired, onWake, onBlind, ...(openWatcher === undefined ? {} : { openWatcher }) });
      mirror?.start();
      void readInBackground();
      void resync();
    },
    rescan: () => queue.request(true),
    degraded: () => live.blind,
    trustOwnWrite,
    stop: async () => {
      stopping.abort();
      await live.watch?.close();
      await queue.idle();
      await mirror?.stop();
    },
  };
}
