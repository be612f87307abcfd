import { setImmediate } from "node:timers/promises";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { ObjectStore } from "../../store/types.ts";
import type { HomePaths } from "../home.ts";
import { removeLeftoversBelow } from "./atomic-write.ts";
import type { FileStamp } from "./file-stamp.ts";
import { createBackgroundReading } from "./background-reading.ts";
import { createDesiredReader, type DesiredReader, type DesiredScan, type WrittenFile } from "./read-desired.ts";
import { settleMs } from "./settling.ts";
import { createScanQueue } from "./scan-queue.ts";
import { createStatusMirror } from "./status-mirror.ts";
import type { OpenWatcher } from "./watch-desired.ts";

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
  /** homie has just renamed a whole file to `path`: it need not settle before it is taken. Without a stamp it has changed since. */
  trustOwnWrite(path: string, stamp: FileStamp | undefined): void;
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
  const trustOwnWrite = (path: string, stamp: FileStamp | undefined, written?: WrittenFile): void => {
    if (stamp !== undefined) reader.trust(path, stamp, written);
  };
  const mirror = options.mirrorStatus ? createStatusMirror({ store, clock, log, reader, trustOwnWrite }) : undefined;
  const queue = createScanQueue(async (patient) => {
    const { scan, fromMs } = await readPatiently(reader, patient ? patienceMs : 0, clock, stopping.signal);
    const outcome = await inTurns(store.takeDesiredInTurns(scan.reading, clock.now()));
    if (mirror !== undefined) await inTurns(mirror.takeReading(scan.reading));
    background.scheduleAfter(scan, outcome, clock.monotonicMs() - fromMs);
  });
  const background = createBackgroundReading({
    ...options,
    reader,
    stopping: stopping.signal,
    read: () => queue.request(false),
  });
  return {
    start: () => {
      if (background.isRunning() || stopping.signal.aborted) return;
      removeLeftoversBelow(paths.desired);
      mirror?.start();
      background.start();
    },
    rescan: () => queue.request(true),
    degraded: background.blindBecause,
    trustOwnWrite,
    stop: async () => {
      stopping.abort();
      await background.close();
      await queue.idle();
      await mirror?.stop();
    },
  };
}

/** Lets other work of this process have its turn in between. */
async function inTurns<T>(turns: Generator<void, T, void>): Promise<T> {
  for (;;) {
    const turn = turns.next();
    if (turn.done === true) return turn.value;
    await setImmediate();
  }
}

/**
 * Gives files that are being written a moment to become whole, instead of leaving them to the next reading. `fromMs`: when the
 * reading that counts began.
 */
async function readPatiently(
  reader: DesiredReader,
  patience: number,
  clock: Clock,
  stopping: AbortSignal,
): Promise<{ readonly scan: DesiredScan; readonly fromMs: number }> {
  const deadlineMs = clock.monotonicMs() + patience;
  for (;;) {
    const fromMs = clock.monotonicMs();
    const scan = await reader.read();
    if (scan.unsettled.length === 0 || fromMs >= deadlineMs || stopping.aborted) return { scan, fromMs };
    await clock.sleep(settleMs, stopping);
  }
}
