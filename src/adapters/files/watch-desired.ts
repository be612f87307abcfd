import { watch, type ChokidarOptions } from "chokidar";
import { basename } from "node:path";
import { isIgnoredName, isManifestName } from "./ignored-names.ts";

export interface DesiredWatch {
  close(): Promise<void>;
}
/** The part of chokidar that is used; tests put a failing one in its place. */
export interface Watcher {
  on(event: "all", listener: (event: string, path: string) => void): unknown;
  on(event: "ready", listener: () => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  close(): Promise<void>;
}
export type OpenWatcher = (root: string, options: ChokidarOptions) => Watcher;

export interface WatchDesiredOptions {
  readonly root: string;
  /** Something may have changed at this path. Never says what: whoever hears it reads for himself. */
  readonly onWake: (path: string) => void;
  /** The watcher no longer sees everything (limits of inotify, an odd file system). */
  readonly onBlind: (message: string) => void;
  readonly openWatcher?: OpenWatcher;
}

/** Wakes on changes below desired/. A missing root is watched through its parent, so it may come and go. */
export function watchDesired(options: WatchDesiredOptions): DesiredWatch {
  const openWatcher: OpenWatcher = options.openWatcher ?? watch;
  const watcher = openWatcher(options.root, {
    ignoreInitial: true,
    followSymlinks: false,
    // Merging events and waiting for writes to end are the reader's work, which sees the files themselves.
    atomic: false,
    awaitWriteFinish: false,
    ignorePermissionErrors: true,
    ignored: (path, stats) =>
      path !== options.root &&
      (isIgnoredName(basename(path)) || (stats?.isFile() === true && !isManifestName(basename(path)))),
  });
  watcher.on("all", (_, path) => options.onWake(path));
  // What changed while the watcher was still finding its way around gave no event.
  watcher.on("ready", () => options.onWake(options.root));
  watcher.on("error", (error) => options.onBlind(explain(error)));
  return { close: () => watcher.close() };
}

function explain(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC") return "too many files are watched (raise fs.inotify.max_user_watches)";
  if (code === "EMFILE") return "too many files are open (raise fs.inotify.max_user_instances or ulimit -n)";
  return `files cannot be watched: ${error instanceof Error ? error.message : String(error)}`;
}
