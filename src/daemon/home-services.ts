import type { Hono } from "hono";
import { createDesiredLoop, type DesiredLoop } from "../adapters/files/desired-loop.ts";
import { readConfig, type Config } from "../adapters/files/config.ts";
import { createDeclaredWriter } from "../adapters/files/declared-writer.ts";
import { acquireHomeLock, ensureHome } from "../adapters/files/home-lock.ts";
import { homePaths, type HomePaths } from "../adapters/home.ts";
import { createLogSource } from "../adapters/logs/log-source.ts";
import { openDatabase } from "../adapters/sqlite/open-database.ts";
import { createApi } from "../api/create-api.ts";
import type { StatusReport } from "../api/ports.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { StoreDatabase } from "../store/database.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import { createObjectStore } from "../store/object-store.ts";
import type { ObjectStore } from "../store/types.ts";

/** What a daemon and a command without a daemon have in common: one home, locked, with its objects and its API. */
export interface HomeServices {
  readonly paths: HomePaths;
  readonly config: Config;
  readonly database: StoreDatabase;
  readonly store: ObjectStore;
  readonly loop: DesiredLoop;
  readonly declared: DeclaredWriter;
  readonly api: Hono;
  /** Lets go of the home. Whoever started the loop has stopped it before. */
  close(): Promise<void>;
}

export interface HomeOptions {
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (services: HomeServices) => Promise<StatusReport>;
}

/** Throws HomieError AlreadyRunning when another process has the home. */
export function openHome(options: HomeOptions): HomeServices {
  const { clock, log } = options;
  const paths = homePaths(options.home);
  ensureHome(paths);
  const lock = acquireHomeLock(paths);
  try {
    return openLocked(options, paths, lock, clock, log);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function openLocked(options: HomeOptions, paths: HomePaths, lock: Disposable, clock: Clock, log: Logger): HomeServices {
  const config = readConfig(paths);
  const database = openDatabase(paths.database);
  const store = createObjectStore({ database, now: () => clock.now(), log });
  const loop = createDesiredLoop({ paths, store, clock, log, mirrorStatus: config.mirrorStatus });
  const declared = createDeclaredWriter({ paths, store, loop, database });
  const api = createApi({
    store,
    declared,
    logs: createLogSource(paths),
    now: () => clock.now(),
    report: () => options.report(services),
    rescan: () => loop.rescan(),
  });
  const services: HomeServices = {
    paths,
    config,
    database,
    store,
    loop,
    declared,
    api,
    async close() {
      await loop.stop();
      store.close();
      lock[Symbol.dispose]();
    },
  };
  return services;
}
