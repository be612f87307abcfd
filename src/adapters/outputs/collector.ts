import { mkdir, readFile } from "node:fs/promises";
import type { Collector, Runtime, TreeEntry } from "../../controllers/attempt/ports.ts";
import type { Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { attemptPaths } from "../home.ts";
import type { HomePaths } from "../home.ts";
import { fsyncDirectory } from "../project/replace-file.ts";
import type { InputsBaseline } from "../project/stage-stream.ts";
import { partsOf } from "./attempt-files.ts";
import { Collection } from "./collection.ts";
import { removeTree } from "./remove-tree.ts";

export interface CollectorOptions {
  readonly paths: HomePaths;
  readonly log: Logger;
}

/** Each run starts clean, so one that was killed leaves nothing behind in the next. */
export function createCollector({ paths, log }: CollectorOptions): Collector {
  return {
    async collect(attempt, runtime, signal) {
      const { inputs, outputs } = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
      await removeTree(outputs);
      await removeTree(partsOf(outputs));
      await mkdir(outputs, { recursive: true, mode: 0o700 });
      await mkdir(partsOf(outputs), { mode: 0o700 });
      const succeeded = await hasSucceeded(attempt, runtime);
      const collection = new Collection({ attempt, outputs, signal, succeeded, baseline: await readBaseline(inputs) });
      try {
        await takeAll(collection, runtime.readWorkTree(attempt, signal));
      } finally {
        await collection.settle();
      }
      await removeTree(partsOf(outputs));
      await fsyncDirectory(outputs);
      const outcome = collection.outcome();
      log.debug("outputs collected", {
        attempt: attempt.metadata.name,
        files: outcome.outputs.length,
        skipped: outcome.skipped.length,
      });
      return outcome;
    },
  };
}

async function takeAll(collection: Collection, entries: AsyncIterable<TreeEntry>): Promise<void> {
  try {
    for await (const entry of entries) if ((await collection.take(entry)) === "stop") return;
  } catch (error) {
    // A runtime that gives up on the size of a tree would do so again: that is the attempt's outcome, not a fault.
    if (!(error instanceof HomieError) || error.code !== "TooLarge") throw error;
    collection.giveUp(error.message);
  }
}

async function hasSucceeded(attempt: Attempt, runtime: Runtime): Promise<boolean> {
  if (attempt.status?.stopIntent !== undefined) return false;
  const facts = await runtime.inspect(attempt);
  return facts.phase === "exited" && facts.exitCode === 0 && facts.startError === undefined;
}

/** Without a baseline everything counts as new: better a file too many than one too few. */
async function readBaseline(path: string): Promise<ReadonlyMap<string, InputsBaseline[string]>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(path, "utf8")) as InputsBaseline));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
}
