import type { Clock, Logger } from "../../reconciler/types.ts";
import type { DesiredOutcome } from "../../store/types.ts";
import type { HomePaths } from "../home.ts";
import { stampAt } from "./file-stamp.ts";
import type { DesiredReader, DesiredScan } from "./read-desired.ts";
import { settleMs } from "./settling.ts";
import { watchDesired, type DesiredWatch, type OpenWatcher } from "./watch-desired.ts";

/** Everything is read again this often, whatever the watcher said. */
const resyncMs = 30_000;
/** More often while the watcher is known to miss things, or after a reading that failed. */
const blindResyncMs = 5000;
/** Changes close together (git checkout, save all) make one reading. */
const gatherMs = 20;
/** After a long reading as much time is left to other work, at most this: thousands of changes are not read one by one. */
const maxRestMs = 1_000;

export interface BackgroundOptions {
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly log: Logger;
  readonly openWatcher?: OpenWatcher;
  readonly reader: Pick<DesiredReader, "isTrusted">;
  readonly stopping: AbortSignal;
  readonly read: () => Promise<void>;
}

/** Decides when to read: woken by the watcher, by what a reading left open, and by the resync that trusts neither. */
export interface BackgroundReading {
  start(): void;
  isRunning(): boolean;
  /** Asks for the reading that a file being written, or a vanished one, will need. `tookMs`: how long this one took. */
  scheduleAfter(scan: DesiredScan, outcome: DesiredOutcome, tookMs: number): void;
  blindBecause(): string | undefined;
  close(): Promise<void>;
}

export function createBackgroundReading(options: BackgroundOptions): BackgroundReading {
  const { paths, clock, log, stopping } = options;
  const live: { watch?: DesiredWatch; blind?: string } = {};
  const { paced: readNow, took } = createPace(options, read);
  const gather = delayed(gatherMs, options, readNow);
  const retry = delayed(blindResyncMs, options, readNow);

  async function read(): Promise<void> {
    if (stopping.aborted) return;
    try {
      await options.read();
    } catch (error) {
      log.error("desired/ could not be taken; trying again", { error: String(error) });
      retry();
    }
  }
  async function readAfter(ms: number): Promise<void> {
    await clock.sleep(Math.max(0, ms), stopping);
    await readNow();
  }
  async function resync(everyMs: number, whileBlind: boolean): Promise<void> {
    while (!stopping.aborted && (live.blind !== undefined) === whileBlind) await readAfter(everyMs);
  }
  function onWake(path: string): void {
    const stamp = stampAt(path);
    // Our own rename: what it says is known already.
    if (stamp !== undefined && options.reader.isTrusted(path, stamp)) return;
    gather();
  }
  function onBlind(message: string): void {
    if (live.blind === message) return;
    const wasBlind = live.blind !== undefined;
    live.blind = message;
    log.warn("changes in desired/ are found by reading it again only", { because: message });
    if (!wasBlind) void resync(blindResyncMs, true);
  }

  return {
    isRunning: () => live.watch !== undefined,
    start: () => {
      const { openWatcher } = options;
      live.watch = watchDesired({
        root: paths.desired,
        onWake,
        onBlind,
        ...(openWatcher === undefined ? {} : { openWatcher }),
      });
      void readNow();
      void resync(resyncMs, false);
    },
    scheduleAfter: (scan, outcome, tookMs) => {
      took(tookMs);
      if (live.watch === undefined) return;
      if (scan.unsettled.length > 0) void readAfter(settleMs);
      if (outcome.nextGraceAt !== undefined) void readAfter(outcome.nextGraceAt.getTime() - clock.now().getTime());
    },
    blindBecause: () => live.blind,
    close: async () => {
      await live.watch?.close();
    },
  };
}

interface Pace {
  /** Acts now; or, while the action runs or rests from having run, once more after that, for all who asked meanwhile. */
  readonly paced: () => Promise<void>;
  readonly took: (ms: number) => void;
}

/** `action` never rejects. */
function createPace(
  { clock, stopping }: Pick<BackgroundOptions, "clock" | "stopping">,
  action: () => Promise<void>,
): Pace {
  let restEndMs = -Infinity;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => (running = action().finally(() => (running = undefined)));
  const beginLater = async (): Promise<void> => {
    await running;
    await clock.sleep(Math.max(0, restEndMs - clock.monotonicMs()), stopping);
    next = undefined;
    await begin();
  };
  return {
    paced: () => {
      const isFree = running === undefined && restEndMs <= clock.monotonicMs();
      return isFree ? begin() : (next ??= beginLater());
    },
    took: (ms) => {
      restEndMs = clock.monotonicMs() + Math.min(ms, maxRestMs);
    },
  };
}

/** Calls that come while one is waiting already are part of it. */
function delayed(
  ms: number,
  options: Pick<BackgroundOptions, "clock" | "stopping">,
  action: () => Promise<void>,
): () => void {
  let waiting = false;
  const waitAndAct = async (): Promise<void> => {
    waiting = true;
    await options.clock.sleep(ms, options.stopping);
    waiting = false;
    await action();
  };
  return () => {
    if (!waiting) void waitAndAct();
  };
}
