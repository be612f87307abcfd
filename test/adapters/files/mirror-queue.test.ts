import { expect, test } from "vitest";
import { createMirrorQueue, type MirrorQueue } from "../../../src/adapters/files/mirror-queue.ts";
import { FakeClock } from "../../support/fake-clock.ts";

interface Bed {
  readonly clock: FakeClock;
  readonly queue: MirrorQueue;
  readonly written: { readonly path: string; readonly atMs: number }[];
  readonly failed: string[];
  /** The most writes there were at one time. */
  most: number;
  /** Throws for a file that cannot be written. */
  refuses: (path: string) => boolean;
}

const writeMs = 10;

function open(): Bed {
  const clock = new FakeClock();
  const startMs = clock.monotonicMs();
  let writing = 0;
  const bed: Bed = {
    clock,
    written: [],
    failed: [],
    most: 0,
    refuses: () => false,
    queue: createMirrorQueue({
      clock,
      write: async (path) => {
        writing += 1;
        bed.most = Math.max(bed.most, writing);
        await clock.sleep(writeMs);
        writing -= 1;
        if (bed.refuses(path)) throw new Error("EIO");
        bed.written.push({ path, atMs: clock.monotonicMs() - startMs });
        return true;
      },
      onFailure: (path) => void bed.failed.push(path),
    }),
  };
  return bed;
}

const many = Array.from({ length: 500 }, (_, index) => `f${index}`);

test("a crowd of files is written a few at a time, each once, and what is over before what goes on", async () => {
  const bed = open();
  for (const path of many) bed.queue.add(path, false);
  await bed.clock.advance(1_100);
  bed.queue.add("over", true);
  await bed.clock.advance(10_000);
  expect(bed.most).toBeLessThanOrEqual(4);
  expect(bed.written.map(({ path }) => path).toSorted()).toEqual([...many, "over"].toSorted());
  const over = bed.written.findIndex(({ path }) => path === "over");
  expect(over).toBeGreaterThanOrEqual(0);
  expect(over).toBeLessThan(100);
});

test("one file is written when a short job has had its time, at once when the job is over, and once a second", async () => {
  const bed = open();
  bed.queue.add("x", false);
  await bed.clock.advance(200);
  expect(bed.written).toEqual([]);
  bed.queue.add("x", true);
  await bed.clock.advance(100);
  expect(bed.written).toHaveLength(1);
  for (let turn = 0; turn < 30; turn += 1) {
    bed.queue.add("x", true);
    await bed.clock.advance(100);
  }
  expect(bed.written.length).toBeLessThanOrEqual(4);
  await bed.clock.advance(2_000);
  const times = bed.written.map(({ atMs }) => atMs);
  for (const [index, atMs] of times.entries())
    if (index > 0) expect(atMs - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
});

test("what could not be written is told, and tried again; the others do not wait for it", async () => {
  const bed = open();
  bed.refuses = (path) => path === "bad";
  for (const path of ["bad", "good"]) bed.queue.add(path, true);
  await bed.clock.advance(1_000);
  expect([bed.failed, bed.written.map(({ path }) => path)]).toEqual([["bad"], ["good"]]);
  bed.refuses = () => false;
  await bed.clock.advance(6_000);
  expect(bed.written.map(({ path }) => path)).toEqual(["good", "bad"]);
});

test("at the end what is due is written without waiting, but not for ever", async () => {
  const bed = open();
  for (const path of many.slice(0, 20)) bed.queue.add(path, false);
  const stopped = bed.queue.stop();
  await bed.clock.advance(100);
  await stopped;
  expect(bed.written).toHaveLength(20);
  bed.queue.add("late", true);
  await bed.clock.advance(1_000);
  expect(bed.written).toHaveLength(20);

  const busy = open();
  for (let index = 0; index < 10_000; index += 1) busy.queue.add(`f${index}`, false);
  const ended = busy.queue.stop();
  await busy.clock.advance(6_000);
  await ended;
  expect(busy.written.length).toBeLessThan(10_000);
});

test("a file that is gone is not waited for", async () => {
  const bed = open();
  for (const path of ["gone", "there"]) bed.queue.add(path, false);
  bed.queue.forgetAllBut(new Set(["there"]));
  await bed.clock.advance(2_000);
  expect(bed.written.map(({ path }) => path)).toEqual(["there"]);
});
