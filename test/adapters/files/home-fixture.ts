import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { createDesiredFiles } from "../../../src/adapters/files/desired-files.ts";
import { createDesiredLoop, type DesiredLoop } from "../../../src/adapters/files/desired-loop.ts";
import { ensureHome } from "../../../src/adapters/files/home-lock.ts";
import type { OpenWatcher } from "../../../src/adapters/files/watch-desired.ts";
import { homePaths, type HomePaths } from "../../../src/adapters/home.ts";
import { openDatabase } from "../../../src/adapters/sqlite/open-database.ts";
import type { Clock } from "../../../src/reconciler/types.ts";
import type { StoreDatabase } from "../../../src/store/database.ts";
import type { DeclaredWriter } from "../../../src/store/declared.ts";
import { createDeclaredWriter } from "../../../src/store/declared-writer.ts";
import { createObjectStore } from "../../../src/store/object-store.ts";
import type { ObjectStore } from "../../../src/store/types.ts";
import { temporaryDirectory, testLog, type TestLog } from "../../store/store-fixture.ts";

export interface HomeFixture extends AsyncDisposable {
  readonly paths: HomePaths;
  readonly store: ObjectStore;
  readonly database: StoreDatabase;
  readonly loop: DesiredLoop;
  readonly writer: DeclaredWriter;
  readonly log: TestLog;
  /** Writes below desired/ with a time of change long enough ago to be taken at once. */
  put(name: string, text: string): string;
  text(name: string): string;
  names(): readonly string[];
}

export interface HomeOptions {
  readonly root?: string;
  readonly clock?: Clock;
  readonly mirrorStatus?: boolean;
  readonly openWatcher?: OpenWatcher;
}

export function openHome(options: HomeOptions = {}): HomeFixture {
  const paths = homePaths(options.root ?? temporaryDirectory());
  const clock = options.clock ?? systemClock;
  const log = testLog();
  ensureHome(paths);
  const database = openDatabase(paths.database);
  const store = createObjectStore({ database, now: () => clock.now(), log });
  const { openWatcher, mirrorStatus = false } = options;
  const loop = createDesiredLoop({
    paths,
    store,
    clock,
    log,
    mirrorStatus,
    ...(openWatcher === undefined ? {} : { openWatcher }),
  });
  const files = createDesiredFiles({ trustOwnWrite: loop.trustOwnWrite });
  const writer = createDeclaredWriter({ paths, store, database, files, loop, now: () => clock.now() });
  return {
    paths,
    store,
    database,
    loop,
    writer,
    log,
    put: (name, text) => {
      const path = join(paths.desired, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      age(path);
      return path;
    },
    text: (name) => readFileSync(join(paths.desired, name), "utf8"),
    names: () => store.snapshot("Job").items.map((job) => job.metadata.name),
    [Symbol.asyncDispose]: async () => {
      await loop.stop();
      store.close();
    },
  };
}

export function age(path: string): void {
  const before = new Date(Date.now() - 5000);
  utimesSync(path, before, before);
}

export function jobText(name: string, image = "busybox", more = ""): string {
  return `apiVersion: homie.dev/v1\nkind: Job\nmetadata:\n  name: ${name}\nspec:\n  image: ${image} # the image\n  command: [echo, hi]\n${more}`;
}

/** Waits for the world, not for a time. */
export async function until(condition: () => boolean, what: string, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await systemClock.sleep(10);
  }
}
