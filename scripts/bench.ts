import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { whyNoLab } from "../test/e2e/lab/lab.ts";
import { startEngine, whyNoEngine } from "../test/support/engine.ts";
import { root } from "./steps.ts";

/**
 * `npm run bench`: homie's own bench on the engine that runs here, else on one of its own that is stopped afterwards; then the
 * mesh in the lab. `npm run bench -- mesh [SECTION ...]` is the mesh alone; other words are for `homie bench`, alone too.
 */
async function main(words: readonly string[]): Promise<number> {
  if (words[0] === "mesh") return measureMesh(words.slice(1));
  const code = await measureMachine(words);
  if (code !== 0 || words.length > 0) return code;
  const refusal = await whyNoLab();
  if (refusal === undefined) return measureMesh([]);
  process.stdout.write(`The rows about the mesh are left out: ${refusal}.\n`);
  return 0;
}

/** Needs root for the lab. */
function measureMesh(sections: readonly string[]): number {
  return runScript([join(root, "test", "bench", "mesh.ts"), ...sections], {});
}

async function measureMachine(words: readonly string[]): Promise<number> {
  const run = (env: NodeJS.ProcessEnv): number => runScript([join(root, "bin", "homie.js"), "bench", ...words], env);
  const reason = await whyNoEngine();
  if (process.env["DOCKER_HOST"] !== undefined || reason !== undefined) return run({});
  const engine = await startEngine();
  try {
    return run({ DOCKER_HOST: engine.host });
  } finally {
    await engine.stop();
  }
}

function runScript(argv: readonly string[], env: NodeJS.ProcessEnv): number {
  return spawnSync(process.execPath, argv, { stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1;
}

process.exitCode = await main(process.argv.slice(2));
