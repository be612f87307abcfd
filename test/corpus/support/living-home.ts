import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { acquireHomeLock, ensureHome } from "../../../src/adapters/files/home-lock.ts";
import { homePaths } from "../../../src/adapters/home.ts";
import type { StatusReport } from "../../../src/api/ports.ts";
import { openHome, type HomeServices } from "../../../src/daemon/home-services.ts";
import { reportStatus } from "../../../src/daemon/report.ts";
import type { Problem } from "../../../src/resources/documents.ts";
import type { Job } from "../../../src/resources/job.ts";
import { jobText } from "../../resources/samples.ts";
import { testLog } from "../../store/store-fixture.ts";
import { skippingClock } from "./skipping-clock.ts";

/** Longer than the time a missing document is waited for before its object is deleted. */
const pastGraceMs = 10_000;

/** The services of a daemon over a home of its own: real files, real database, real API. Time can be moved on. */
export interface LivingHome extends AsyncDisposable {
  readonly services: HomeServices;
  /** Where a file of this name lies below desired/. */
  path(name: string): string;
  /** Writes a file below desired/ that has stood still long enough to be taken. */
  put(name: string, content: string | Uint8Array): void;
  remove(name: string): void;
  /** Reads desired/, waits until whatever is missing would be gone for good, and reads again. */
  readLater(): Promise<void>;
  job(name: string): Job | undefined;
  problems(name: string): readonly Problem[];
  /** Changes the witness and answers whether the change arrived: everything else goes on. */
  witnessFollows(): Promise<boolean>;
}

export function openLivingHome(): LivingHome {
  const root = mkdtempSync(join(tmpdir(), "homie-corpus-"));
  const paths = homePaths(root);
  ensureHome(paths);
  const time = skippingClock();
  const report = (opened: HomeServices): Promise<StatusReport> =>
    reportStatus(opened, { name: "corpus", node: "n", uptimeSeconds: 0 });
  const services = openHome({ home: root, clock: time, log: testLog(), report }, acquireHomeLock(paths));
  const path = (name: string): string => join(paths.desired, name);
  const put = (name: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
    const before = new Date(Date.now() - 5000);
    utimesSync(path(name), before, before);
  };
  const job = (name: string): Job | undefined => services.store.get<Job>({ kind: "Job", name });
  let change = 0;
  return {
    services,
    path,
    put,
    remove: (name) => rmSync(path(name), { recursive: true, force: true }),
    readLater: async () => {
      await services.loop.rescan();
      time.skip(pastGraceMs);
      await services.loop.rescan();
    },
    job,
    problems: (name) => services.store.problems().filter((problem) => problem.file === path(name)),
    witnessFollows: async () => {
      change += 1;
      put("witness.yaml", jobText("script: a.py", `args: ["${change}"]`).replace("name: x", "name: witness"));
      await services.loop.rescan();
      return job("witness")?.spec.args?.[0] === String(change);
    },
    [Symbol.asyncDispose]: async () => {
      await services.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
