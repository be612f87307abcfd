import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";

/** Rings when something in a directory may have changed. */
export interface DirectoryBell extends Disposable {
  /** Resolves at the next ring from now on, at the latest after half a second or on abort. */
  listen(): Promise<void>;
}

/** File events can get lost (watch limits, network file systems) and the directory may not exist yet. */
const safetyNetMs = 500;
const missingDirectoryMs = 50;

export function openDirectoryBell(directory: string, signal: AbortSignal): DirectoryBell {
  let watcher: FSWatcher | undefined;
  let next = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const ring = (): void => {
    clearTimeout(timer);
    timer = undefined;
    next.resolve();
    next = Promise.withResolvers<void>();
  };
  const openWatcher = (): void => {
    try {
      watcher = watch(directory, { persistent: false }, ring);
      watcher.on("error", () => closeWatcher());
    } catch {
      // Not there yet, or no watches left: the timer below is enough, only slower.
    }
  };
  const closeWatcher = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  signal.addEventListener("abort", ring, { once: true });
  return {
    listen() {
      if (signal.aborted) return Promise.resolve();
      if (watcher === undefined) openWatcher();
      timer ??= setTimeout(ring, watcher === undefined ? missingDirectoryMs : safetyNetMs);
      return next.promise;
    },
    [Symbol.dispose]() {
      signal.removeEventListener("abort", ring);
      clearTimeout(timer);
      closeWatcher();
    },
  };
}
