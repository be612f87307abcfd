import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { AttemptFiles } from "../../controllers/attempt/ports.ts";
import { attemptPaths } from "../home.ts";
import type { HomePaths } from "../home.ts";
import { removeTree } from "./remove-tree.ts";

export function createAttemptFiles(paths: HomePaths): AttemptFiles {
  return {
    async removeStagedOutputs(attempt) {
      const { outputs } = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
      await removeTree(outputs);
      await removeTree(partsOf(outputs));
    },
    async removeAll(attempt) {
      const { root } = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
      await removeTree(root);
      // Other attempts of the job may still be there.
      await rmdir(dirname(root)).catch((error: unknown) => {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
      });
    },
  };
}

/** Where files lie while they are written; beside the outputs, so that no output can have their name. */
export function partsOf(outputs: string): string {
  return `${outputs}.part`;
}
