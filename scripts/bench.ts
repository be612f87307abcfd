import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { startEngine, whyNoEngine } from "../test/support/engine.ts";
import { root } from "./steps.ts";

/** `npm run bench`: homie's own bench on the engine that runs here, else on one of its own that is stopped afterwards. */
async function main(): Promise<number> {
  const run = (env: NodeJS.ProcessEnv): number => {
    const argv = [join(root, "bin", "homie.js"), "bench", ...process.argv.slice(2)];
    return spawnSync(process.execPath, argv, { stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1;
  };
  const reason = await whyNoEngine();
  if (process.env["DOCKER_HOST"] !== undefined || reason !== undefined) return run({});
  const engine = await startEngine();
  try {
    return run({ DOCKER_HOST: engine.host });
  } finally {
    await engine.stop();
  }
}

process.exitCode = await main();
