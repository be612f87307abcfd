import { createDesiredFiles } from "../adapters/files/desired-files.ts";
import { createDesiredLoop, type DesiredLoop } from "../adapters/files/desired-loop.ts";
import { readConfig, type Config } from "../adapters/files/config.ts";
import { homePaths, type HomePaths } from "../adapters/home.ts";
import { readLastLines } from "../adapters/files/last-lines.ts";
import { createLogSource } from "../adapters/logs/read-log.ts";
import { openDatabase } from "../adapters/sqlite/open-database.ts";
import { createApi } from "../api/create-api.ts";
import type { Api } from "../api/http.ts";
import type { ApiPorts, StatusReport } from "../api/ports.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { StoreDatabase } from "../store/database.ts";
import type { DeclaredWriter } from "../store/declared.ts";
import { createDeclaredWriter } from "../store/declared-writer.ts";
import { createObjectStore } from "../store/object-store.ts";
import type { ObjectStore } from "../store/types.ts";
import { surveyProject } from "./survey.ts";
import { packageVersion } from "./version.ts";

/** What a daemon and a command without a daemon have in common: one home, locked, with its objects and its API. */
export interface HomeServices {
  readonly paths: HomePaths;
  readonly config: Config;
  readonly database: StoreDatabase;
  readonly store: ObjectStore;
  readonly loop: DesiredLoop;
  readonly declared: DeclaredWriter;
  readonly api: Api;
  /** From now on the API shows objects as this function makes them. */
  showLive(live: ApiPorts["live"]): void;
  /** From now on the API can say where a Job would go. */
  showPlacements(placements: NonNullable<ApiPorts["placements"]>): void;
  /** From now on the API makes, joins and shows networks. */
  offerMesh(mesh: NonNullable<ApiPorts["mesh"]>): void;
  /** Lets go of the home. Whoever started the loop has stopped it before. */
  close(): Promise<void>;
}

export interface HomeOptions {
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (services: HomeServices) => Promise<StatusReport>;
  /** Ends open watches when it aborts. */
  readonly signal?: AbortSignal;
}

/** Takes over `lock`: it is given back by `close`, or at once when the home cannot be opened. */
export function openHome(options: HomeOptions, lock: Disposable): HomeServices {
  try {
    return openLocked(options, homePaths(options.home), lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function openLocked(options: HomeOptions, paths: HomePaths, lock: Disposable): HomeServices {
  const { clock, log } = options;
  const now = (): Date => clock.now();
  const config = readConfig(paths);
  const database = openDatabase(paths.database, { now, log });
  const store = createObjectStore({ database, now, log });
  const loop = createDesiredLoop({ paths, store, clock, log, mirrorStatus: config.mirrorStatus });
  const declared = createDeclaredWriter({ paths, store, database, files: createDesiredFiles(loop), loop, now });
  let placements: ApiPorts["placements"];
  let mesh: ApiPorts["mesh"];
  let live: ApiPorts["live"] = (object) => object;
  const ports: ApiPorts = {
    store,
    live: (object) => live(object),
    get placements() {
      return placements;
    },
    get mesh() {
      return mesh;
    },
    declared,
    now,
    logs: createLogSource(paths),
    report: () => options.report(services),
    rescan: () => loop.rescan(),
    survey: (sources, signal) => surveyProject(sources, signal, paths.root),
  };
  const close = async (): Promise<void> => {
    await loop.stop();
    store.close();
    lock[Symbol.dispose]();
  };
  const api = createApi(ports, {
    version: packageVersion(),
    log,
    readDaemonLog: (lines) => readLastLines(paths.log, lines),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const showLive = (show: ApiPorts["live"]): void => void (live = show);
  const showPlacements = (show: NonNullable<ApiPorts["placements"]>): void => void (placements = show);
  const offerMesh = (offered: NonNullable<ApiPorts["mesh"]>): void => void (mesh = offered);
  const services: HomeServices = {
    ...{ paths, config, database, store, loop, declared, api, showLive, showPlacements, offerMesh, close },
  };
  return services;
}
