import { existsSync } from "node:fs";
import { editConfig, readConfig } from "../adapters/files/config.ts";
import { acquireHomeLock, ensureHome } from "../adapters/files/home-lock.ts";
import { homePaths, type HomePaths } from "../adapters/home.ts";
import { loadIdentity } from "../adapters/identity/identity-file.ts";
import { saveMemory } from "../adapters/system/memory-thrift.ts";
import type { Composition, DaemonLogLine, Profile } from "../cli/transport.ts";
import type { Logger } from "../reconciler/types.ts";
import { createEnvironments } from "./environments.ts";

/**
 * What the command line is handed: every way into the daemon's side. Each is imported when it is used, so that
 * `homie get` never loads a container engine's client.
 */
export const composition: Composition = {
  async runDaemon(options) {
    saveMemory();
    // Before anything heavy is loaded: a second daemon is told off at once.
    const lock = lockHome(options.home);
    const { runDaemon } = await import("./run-daemon.ts");
    await runDaemon({ ...options, log: createLog(options.onLog) }, lock);
  },
  async openOffline(home) {
    const lock = lockHome(home);
    const { openOffline } = await import("./offline.ts");
    return openOffline(home, lock, createLog(undefined));
  },
  environments: (home) => Promise.resolve(createEnvironments(homePaths(home))),
  profile: (home) => Promise.resolve(profileOf(homePaths(home))),
  initialize: (home, settings) => Promise.resolve(initialize(homePaths(home), settings.name)),
  async diagnose(home, daemon) {
    const { diagnose } = await import("./doctor/diagnose.ts");
    return diagnose(home, daemon);
  },
  async demo(options) {
    const { runDemo } = await import("./demo/demo.ts");
    return runDemo({ ...options, log: createLog(undefined) });
  },
  async bench(options) {
    const { runBench } = await import("./bench/bench.ts");
    return runBench({ ...options, log: createLog(undefined) });
  },
};

/** Throws HomieError AlreadyRunning when another process has the home. */
function lockHome(home: string): Disposable {
  const paths = homePaths(home);
  ensureHome(paths);
  return acquireHomeLock(paths);
}

/** Without a reader nothing is made up into a line. */
function createLog(onLog: ((line: DaemonLogLine) => void) | undefined): Logger {
  const at = (level: DaemonLogLine["level"]) => (message: string, fields?: object) =>
    onLog?.({ level, message, ...(fields === undefined ? {} : { fields: { ...fields } }) });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function profileOf(paths: HomePaths): Profile {
  const { name } = readConfig(paths);
  const known = { name, home: paths.root, configFile: paths.config };
  return existsSync(paths.identity) ? { ...known, node: loadIdentity(paths.identity).nodeId } : known;
}

function initialize(paths: HomePaths, name: string | undefined): Profile {
  ensureHome(paths);
  loadIdentity(paths.identity);
  // The name is written down, so that a machine keeps it when its host name changes.
  const chosen = name ?? readConfig(paths).name;
  editConfig(paths, (draft) => draft.set(["name"], chosen));
  return profileOf(paths);
}
