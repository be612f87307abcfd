import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "../test/support/engine.ts";
import { isHardwareMissing } from "../test/support/hardware.ts";
import { reportFailures, runChecks } from "./check.ts";
import { runNode, tools } from "./steps.ts";
import type { NotedTest, Tally } from "./tally-reporter.ts";

const none: Tally = { passed: 0, failed: 0, skipped: [] };

/**
 * Everything: the steps of `npm run check`, a minute of fuzzing, then the e2e tests against one engine that is stopped in
 * the end.
 */
async function main(): Promise<void> {
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => abort.abort());
  const scratch = mkdtempSync(join(tmpdir(), "homie-test-"));
  try {
    const e2eOnly = process.argv.includes("--e2e-only");
    const checks = e2eOnly ? { ok: true, tally: none } : await check(join(scratch, "fast.json"), abort.signal);
    const fuzzed = e2eOnly ? none : await fuzz(join(scratch, "fuzz.json"), abort.signal);
    const e2e = await endToEnd(join(scratch, "e2e.json"), abort.signal).catch((error: unknown): Tally => {
      console.error(error);
      return { ...none, failed: 1 };
    });
    const podman = await onPodman(join(scratch, "podman.json"), abort.signal);
    conclude(checks.ok, [checks.tally, fuzzed, e2e, podman], abort.signal);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function check(tallyFile: string, signal: AbortSignal): Promise<{ readonly ok: boolean; readonly tally: Tally }> {
  const reports = await runChecks(signal, tallyFile);
  return { ok: reportFailures(reports), tally: readTally(tallyFile) };
}

/** Each target of the fuzzer counts as one test. */
async function fuzz(tallyFile: string, signal: AbortSignal): Promise<Tally> {
  if (signal.aborted) return none;
  const argv = ["scripts/fuzz.ts", "--seconds", "60"];
  await runNode({ argv, signal, env: { HOMIE_TEST_TALLY: tallyFile }, inherit: true });
  return readTally(tallyFile);
}

async function endToEnd(tallyFile: string, signal: AbortSignal): Promise<Tally> {
  if (signal.aborted) return none;
  const engine = await openEngine(signal);
  try {
    if (signal.aborted) return none;
    const argv = [
      tools.vitest,
      "run",
      "--project",
      "e2e",
      "--reporter=verbose",
      "--reporter=./scripts/tally-reporter.ts",
    ];
    const run = await runNode({ argv, signal, env: { ...engine.env, HOMIE_TEST_TALLY: tallyFile }, inherit: true });
    const tally = readTally(tallyFile);
    // Red without a failing test: something broke while vitest wound up.
    return run.ok || tally.failed > 0 ? tally : { ...tally, failed: 1 };
  } finally {
    await engine.stop();
  }
}

/** What is promised of an engine, on the other one. Each file starts podman for itself. */
const podmanFiles = [
  "docker-runtime",
  "docker-runtime-sandbox",
  "untouched-tree",
  "image-share",
  "engine-names",
  "one-machine",
].map((name) => `test/e2e/${name}.test.ts`);
// Four minutes on two quiet cores.
const podmanMs = 900_000;

async function onPodman(tallyFile: string, signal: AbortSignal): Promise<Tally> {
  if (signal.aborted) return none;
  console.log("\nthe same on podman");
  const reporters = ["--reporter=verbose", "--reporter=./scripts/tally-reporter.ts"];
  const argv = [tools.vitest, "run", "--project", "e2e", ...reporters, ...podmanFiles];
  const env = { HOMIE_TEST_ENGINE: "podman", HOMIE_TEST_TALLY: tallyFile };
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(podmanMs)]);
  const run = await runNode({ argv, signal: inTime, env, inherit: true });
  const tally = readTally(tallyFile);
  return run.ok || tally.failed > 0 ? tally : { ...tally, failed: 1 };
}

interface EngineForTests {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** One engine for all e2e files. Without one, each test that needs it skips itself with the reason handed on here. */
async function openEngine(signal: AbortSignal): Promise<EngineForTests> {
  try {
    if (process.getuid?.() === 0) await installPrograms(signal);
    const engine = await startEngine();
    const env = { HOMIE_TEST_DOCKER_HOST: engine.host, HOMIE_TEST_IMAGE: engine.image };
    return { env, stop: () => engine.stop() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`no engine for the e2e tests: ${reason}`);
    return { env: { HOMIE_TEST_NO_ENGINE: reason }, stop: () => Promise.resolve() };
  }
}

/** Quick when nothing is missing. What cannot be installed is told by the tests that need it. */
async function installPrograms(signal: AbortSignal): Promise<void> {
  const outcome = await runNode({ argv: ["scripts/engine.ts", "install"], signal });
  if (!outcome.ok) console.log(outcome.output.trim());
}

/** A run that left no tally has crashed: that is one failure, not zero tests. */
function readTally(file: string): Tally {
  if (!existsSync(file)) return { ...none, failed: 1 };
  return JSON.parse(readFileSync(file, "utf8")) as Tally;
}

function conclude(checksOk: boolean, tallies: readonly Tally[], signal: AbortSignal): void {
  const skipped = tallies.flatMap((tally) => tally.skipped);
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  const avoidable = skipped.filter(({ reason }) => !isHardwareMissing(reason));
  const skipsForbidden = process.env["CI"] === "true" && avoidable.length > 0;
  printTests(
    "passed on the second try",
    tallies.flatMap((tally) => tally.retried ?? []),
  );
  printTests(
    "failed",
    tallies.flatMap((tally) => tally.failures ?? []),
  );
  printSkips(skipped, skipsForbidden);
  if (!checksOk) console.log("\nA step of the check failed: see above.");
  if (signal.aborted) console.log("\nInterrupted: not everything has run.");
  process.exitCode = failed === 0 && checksOk && !skipsForbidden && !signal.aborted ? 0 : 1;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
}

/** Once more and all together: what happened lies thousands of lines above. */
function printTests(what: string, tests: readonly NotedTest[]): void {
  for (const { title, reason } of tests) console.log(`\n${what}: ${title}\n${indent(reason ?? "")}`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

function printSkips(skipped: readonly NotedTest[], forbidden: boolean): void {
  if (skipped.length > 0) console.log("");
  for (const test of skipped) console.log(`skipped: ${test.title}: ${test.reason ?? "the test gives no reason"}`);
  if (forbidden) console.log("With CI=true a skipped test is a failure, unless hardware is missing.");
}

if (import.meta.main) await main();
