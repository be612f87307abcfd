import { defineConfig } from "vitest/config";

/** CommonJS packages are imported as Node does it: a default import is `module.exports`, whatever `__esModule` says. */
const deps = { interopDefault: false };

/** A poll ends when it came true; its limit is for what never does. */
const polls = { poll: { timeout: 30_000 } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "fast",
          deps,
          expect: polls,
          // No module keeps anything of its own (test/architecture.test.ts), so files may share a process.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/bench/**"],
          setupFiles: ["test/support/seed.ts"],
          // Only for what hangs: a machine that others use too stands still for seconds now and then.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          deps,
          expect: polls,
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // Real engines, kills and clocks on a machine that others use too: one more try, and both are printed.
          retry: 1,
          fileParallelism: false,
        },
      },
    ],
  },
});
