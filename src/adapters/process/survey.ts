import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FoundAttempt, Inventory } from "../../controllers/job/ports.ts";
import type { HomePaths } from "../home.ts";
import { processPaths, readJson } from "./attempt-record.ts";
import type { AttemptRecord, CreatedMark } from "./attempt-record.ts";

/** Attempts of the process runtime that lie in runs/ and are not known; another home's lie in another home. */
export function createProcessInventory(paths: HomePaths, nodeId: string): Inventory {
  return {
    async survey(isKnown): Promise<readonly FoundAttempt[]> {
      const found: FoundAttempt[] = [];
      for (const uid of await namesIn(paths.runs)) {
        for (const number of await namesIn(join(paths.runs, uid))) {
          const name = `${uid}-${number}`;
          if (isKnown(name)) continue;
          const files = processPaths(paths, uid, Number(number));
          const created = readJson<CreatedMark>(files.created);
          if (created?.nodeId !== nodeId) continue;
          const record = readJson<AttemptRecord>(files.record);
          const phase = record === undefined ? "created" : record.exit === undefined ? "running" : "exited";
          found.push({
            name,
            uid,
            attempt: Number(number),
            phase,
            job: created.job,
            specSha256: created.specSha256,
            ...(created.gpus === undefined ? {} : { gpus: created.gpus }),
          });
        }
      }
      return found;
    },
  };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  });
}
