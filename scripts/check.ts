import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { nodeStep, root, runNode, runSteps, tools } from "./steps.ts";
import type { Step, StepReport } from "./steps.ts";

const sources = ["src", "scripts", "test"];
/** Everything scripts/generate.ts may write. */
const generatedFiles = ["src/**/generated/**", "schemas/**"];

/** The steps of `npm run check`: no Docker, no root. `tallyFile` takes the counts of the fast tests. */
export async function runChecks(signal: AbortSignal, tallyFile?: string): Promise<readonly StepReport[]> {
  const fastTests = [
    tools.vitest,
    "run",
    "--project",
    "fast",
    "--reporter=default",
    "--reporter=./scripts/tally-reporter.ts",
  ];
  const tallyEnv = tallyFile === undefined ? {} : { HOMIE_TEST_TALLY: tallyFile };
  // Everything else reads the generated files, so they are made first and alone.
  const generated = await runSteps([generateStep], 1, signal);
  const width = Math.max(2, Math.min(4, availableParallelism()));
  const rest = await runSteps(
    [
      { name: "fast tests", run: (stop) => runNode({ argv: fastTests, signal: stop, env: tallyEnv }) },
      nodeStep("types", [tools.tsc, "-p", "tsconfig.json"]),
      nodeStep("build types", [tools.tsc, "-p", "tsconfig.build.json", "--noEmit"]),
      nodeStep("lint", [tools.oxlint, "--type-aware", "--deny-warnings", ...sources]),
      nodeStep("format", [tools.oxfmt, "--check", ...sources, "bin"]),
      nodeStep("unused", [tools.knip, "--no-progress"]),
    ],
    width,
    signal,
  );
  return [...generated, ...rest];
}

/** Prints what the failing steps had to say and answers whether there were none. */
export function reportFailures(reports: readonly StepReport[]): boolean {
  const failing = reports.filter((report) => !report.ok);
  for (const report of failing) console.log(`\n--- ${report.name}\n${report.output.trim()}`);
  return failing.length === 0;
}

/**
 * Generates and compares with what was there. In a fresh clone this is `git diff --exit-code`; in a working tree it does
 * not complain about a schema that was changed and generated but is not committed yet.
 */
const generateStep: Step = {
  name: "generate",
  async run(signal) {
    const before = fingerprints();
    const outcome = await runNode({ argv: ["scripts/generate.ts"], signal });
    if (!outcome.ok) return outcome;
    const after = fingerprints();
    const paths = new Set([...before.keys(), ...after.keys()]);
    const stale = [...paths].filter((path) => before.get(path) !== after.get(path)).toSorted();
    const advice = "These files did not match their sources and have been written anew; commit them:";
    return { ok: stale.length === 0, output: [advice, ...stale].join("\n  ") };
  },
};

function fingerprints(): ReadonlyMap<string, string> {
  const files = globSync(generatedFiles, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(root.length), createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}

async function main(): Promise<void> {
  const abort = new AbortController();
  process.once("SIGINT", () => abort.abort());
  process.once("SIGTERM", () => abort.abort());
  const startedMs = performance.now();
  const reports = await runChecks(abort.signal);
  const allGreen = reportFailures(reports) && !abort.signal.aborted;
  console.log(`\n${allGreen ? "ok" : "FAILED"}: check took ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  process.exitCode = allGreen ? 0 : 1;
}

if (import.meta.main) await main();
