import { writeFileSync } from "node:fs";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";

/** What one vitest run came to; written to the file that HOMIE_TEST_TALLY names. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
}
export interface SkippedTest {
  /** `test/e2e/x.test.ts > group > title` */
  readonly title: string;
  /** What the test gave to `context.skip(reason)`. */
  readonly reason?: string;
}

/** vitest's own json reporter leaves out why a test was skipped. Loaded by path, which asks for a default export. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[], reason: TestRunEndReason): void {
    const file = process.env["HOMIE_TEST_TALLY"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(tallyRun(modules, unhandled, reason)));
  }
}

function tallyRun(modules: readonly TestModule[], unhandled: readonly unknown[], reason: TestRunEndReason): Tally {
  let passed = 0;
  let failed = unhandled.length;
  const skipped: SkippedTest[] = [];
  for (const module of modules) {
    // A file that cannot be loaded, and a hook that throws, have no failing test of their own.
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") passed += 1;
      else if (result.state === "skipped") skipped.push(describeSkip(module, test.fullName, result.note));
      else failed += 1;
    }
  }
  // Interrupted, or failed in a way that left no trace above: never let it look green.
  if (reason !== "passed" && failed === 0) failed = 1;
  return { passed, failed, skipped };
}

function describeSkip(module: TestModule, fullName: string, note: string | undefined): SkippedTest {
  const title = `${module.relativeModuleId} > ${fullName}`;
  return note === undefined || note === "" ? { title } : { title, reason: note };
}
