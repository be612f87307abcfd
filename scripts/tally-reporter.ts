import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason } from "vitest/node";

/** What one vitest run came to; written to the file that HOMIE_TEST_TALLY names. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly NotedTest[];
  /** Those of `failed` that can be named; a run that broke down may have fewer. */
  readonly failures?: readonly NotedTest[];
  /** Passed at last, with what went wrong before. */
  readonly retried?: readonly NotedTest[];
}
export interface NotedTest {
  /** `test/e2e/x.test.ts > group > title` */
  readonly title: string;
  /** What the test gave to `context.skip(reason)`, or the first lines of what it failed with. */
  readonly reason?: string;
}

const shownLines = 20;

/** vitest's own json reporter leaves out why a test was skipped. Loaded by path, which asks for a default export. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    const file = process.env["HOMIE_TEST_TALLY"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(tallyRun(modules, unhandled, reason)));
  }
}

function tallyRun(
  modules: readonly TestModule[],
  unhandled: readonly SerializedError[],
  reason: TestRunEndReason,
): Tally {
  let passed = 0;
  const failures: NotedTest[] = unhandled.map((error) => describe("outside of any test", [error]));
  const skipped: NotedTest[] = [];
  const retried: NotedTest[] = [];
  for (const module of modules) {
    failures.push(...brokenAround(module));
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") passed += 1;
      if (result.state === "passed" && result.errors !== undefined) retried.push(describe(nameOf(test), result.errors));
      if (result.state === "skipped") skipped.push(describeSkip(test, result.note));
      if (result.state !== "passed" && result.state !== "skipped")
        failures.push(describe(nameOf(test), result.errors ?? []));
    }
  }
  // Interrupted, or failed in a way that left no trace above: never let it look green.
  const failed = reason !== "passed" && failures.length === 0 ? 1 : failures.length;
  return { passed, failed, skipped, failures, retried };
}

/** A file that cannot be loaded, and a hook that throws, have no failing test of their own. */
function brokenAround(module: TestModule): readonly NotedTest[] {
  const file = module.relativeModuleId;
  const loading = module.errors().map((error) => describe(file, [error]));
  const suites = [...module.children.allSuites()];
  const hooks = suites.flatMap((suite) =>
    suite.errors().map((error) => describe(`${file} > ${suite.fullName}`, [error])),
  );
  return [...loading, ...hooks];
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function describe(title: string, errors: readonly SerializedError[]): NotedTest {
  const lines = errors.flatMap(linesOf);
  const more = lines.length - shownLines;
  const shown = more > 0 ? [...lines.slice(0, shownLines), `(${more} lines more above)`] : lines;
  return { title, reason: shown.join("\n") };
}

function linesOf(error: SerializedError): readonly string[] {
  const at = error.stacks?.[0];
  const place = at === undefined ? [] : [`at ${at.file}:${at.line}:${at.column}`];
  const diff = typeof error["diff"] === "string" ? error["diff"] : "";
  return [...stripVTControlCharacters(`${error.message}\n${diff}`).trimEnd().split("\n"), ...place];
}

function describeSkip(test: TestCase, note: string | undefined): NotedTest {
  const title = nameOf(test);
  return note === undefined || note === "" ? { title } : { title, reason: note };
}
