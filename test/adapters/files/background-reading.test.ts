import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createBackgroundReading } from "../../../src/adapters/files/background-reading.ts";
import { homePaths } from "../../../src/adapters/home.ts";
import { testLog } from "../../store/store-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** Readings that take so long each, under a watcher that wakes every 10 ms. */
async function countReadings(tookMs: number, ms: number): Promise<{ readonly starts: readonly number[] }> {
  const home = mkdtempSync(join(tmpdir(), "homie-reading-"));
  const clock = new FakeClock();
  const stopping = new AbortController();
  let wake = (_event: string, _path: string): void => undefined;
  const starts: number[] = [];
  const scan = { reading: { files: [], listedDirectories: [], unreadable: [] }, unsettled: [] };
  const background = createBackgroundReading({
    paths: homePaths(home),
    clock,
    log: testLog(),
    reader: { isTrusted: () => false },
    stopping: stopping.signal,
    openWatcher: () => ({
      on: (event: string, listener: never) => void (event === "all" && (wake = listener)),
      close: () => Promise.resolve(),
    }),
    read: async () => {
      starts.push(clock.monotonicMs());
      await clock.sleep(tookMs);
      background.scheduleAfter(scan, { changed: 0 }, tookMs);
    },
  });
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  background.start();
  for (let passed = 0; passed < ms; passed += 10) {
    wake("change", join(home, "desired", "x.yaml"));
    await clock.advance(10);
  }
  stopping.abort();
  await background.close();
  return { starts };
}

test("a short reading is followed by the next as soon as something changes", async () => {
  const { starts } = await countReadings(0, 1_000);
  expect(starts.length).toBeGreaterThan(30);
});

test("a long reading is followed by a rest as long as itself, and by one reading for all who asked meanwhile", async () => {
  const { starts } = await countReadings(400, 8_000);
  const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(800);
  expect(starts.length).toBeGreaterThanOrEqual(8);
});

test("nobody waits longer than a second for a reading, however long they take", async () => {
  const { starts } = await countReadings(5_000, 20_000);
  const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(6_100);
});
