import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLogWriter } from "../../../src/adapters/logs/log-writer.ts";
import { readLog } from "../../../src/adapters/logs/read-log.ts";
import { readLogCounts } from "../../../src/adapters/logs/scan-log.ts";
import { encodeFrame } from "../../../src/logs/frames.ts";
import type { LogFrame } from "../../../src/logs/types.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "homie-log-"));
  path = join(directory, "log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function frames(from = 0): Promise<LogFrame[]> {
  return Array.fromAsync(readLog(path, { from }));
}
const shown = (all: readonly LogFrame[]): string[] =>
  all.map((frame) => `${frame.stream}:${Buffer.from(frame.bytes).toString()}`);
const text = (value: string): Buffer => Buffer.from(value);

describe("a log", () => {
  test("gives back both streams in order and ends with the totals", async () => {
    const writer = await openLogWriter(path);
    await writer.write("stdout", text("one\n"));
    await writer.write("stderr", text("two\n"), 42n);
    writer.remark("three");
    await writer.finish();
    const all = await frames();
    expect(shown(all)).toEqual([
      "stdout:one\n",
      "stderr:two\n",
      "homie:three",
      'eof:{"stdoutBytes":4,"stderrBytes":4,"droppedBytes":0}',
    ]);
    expect(all[1]?.timeNs).toBe(42n);
    expect(all.at(-1)?.nextOffset).toBe(statSync(path).size);
    expect(shown(await frames(all[1]?.nextOffset))).toEqual(shown(all.slice(2)));
    expect(await readLogCounts(path)).toMatchObject({
      complete: true,
      stdoutBytes: 4,
      stderrBytes: 4,
      droppedBytes: 0,
    });
  });

  test("splits what is longer than a frame", async () => {
    const writer = await openLogWriter(path);
    const long = Buffer.alloc(200_000, "abc");
    await writer.write("stdout", long);
    await writer.finish();
    const all = await frames();
    expect(all.slice(0, -1).map((frame) => frame.bytes.length)).toEqual([65536, 65536, 65536, 3392]);
    expect(Buffer.concat(all.slice(0, -1).map((frame) => frame.bytes)).equals(long)).toBe(true);
  });

  test("keeps up to its limit and counts the rest", async () => {
    const writer = await openLogWriter(path, { maxBytes: 10 });
    await writer.write("stdout", text("12345678"));
    await writer.write("stderr", text("abcdef"));
    await writer.write("stdout", text("x"));
    expect(await writer.finish()).toEqual({ stdoutBytes: 8, stderrBytes: 2, droppedBytes: 5 });
    const all = shown(await frames());
    expect(all.slice(0, 2)).toEqual(["stdout:12345678", "stderr:ab"]);
    expect(all.at(-2)).toBe("homie:5 bytes of output were dropped");
  });

  test("says when its reader should stop, and stays small while it does", async () => {
    const writer = await openLogWriter(path, { maxBytes: 1024 ** 3 });
    const chunk = Buffer.alloc(64 * 1024, "x");
    let pauses = 0;
    for (let written = 0; written < 256; written++) {
      const pause = writer.write("stdout", chunk);
      if (pause !== undefined) pauses += 1;
      await pause;
    }
    expect(pauses).toBeGreaterThan(0);
    expect(await writer.finish()).toMatchObject({ stdoutBytes: 256 * 64 * 1024 });
  });

  test("goes on after a writer that was killed in the middle of a frame", async () => {
    const first = await openLogWriter(path);
    await first.write("stdout", text("whole"), 7n);
    await first.close();
    appendFileSync(path, encodeFrame("stdout", 8n, text("torn")).subarray(0, 19));
    expect(await readLogCounts(path)).toMatchObject({ complete: false, stdoutBytes: 5, lastTimeNs: 7n });
    const second = await openLogWriter(path);
    expect(second.counts()).toEqual({ stdoutBytes: 5, stderrBytes: 0, droppedBytes: 0 });
    expect(second.lastTimeNs).toBe(7n);
    expect(second.tail("stdout", 3).toString()).toBe("ole");
    await second.write("stdout", text(" again"));
    expect(second.tail("stdout", 100).toString()).toBe("whole again");
    await second.finish();
    expect(shown(await frames()).slice(0, 2)).toEqual(["stdout:whole", "stdout: again"]);
  });

  test("cuts off a last block that a power cut left as zeros", async () => {
    const first = await openLogWriter(path);
    await first.write("stdout", text("whole"));
    await first.close();
    const size = statSync(path).size;
    truncateSync(path, size + 4096);
    expect(shown(await frames())).toEqual(["stdout:whole"]);
    await (await openLogWriter(path)).close();
    expect(statSync(path).size).toBe(size);
  });

  test("that is complete takes nothing more", async () => {
    await (await openLogWriter(path)).finish();
    const before = readFileSync(path);
    const writer = await openLogWriter(path);
    expect(writer.isComplete).toBe(true);
    expect(() => writer.write("stdout", text("late"))).toThrow(/finished/);
    expect(await writer.finish()).toEqual({ stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("that does not exist has no frames and no counts", async () => {
    expect(await frames()).toEqual([]);
    expect(await readLogCounts(path)).toMatchObject({ complete: false, stdoutBytes: 0 });
    expect(existsSync(path)).toBe(false);
  });

  test("keeps the last bytes of a long stream only", async () => {
    const writer = await openLogWriter(path, { tailBytes: 10 });
    for (const part of ["abcdef", "ghijk", "lmnopqrstuvwxyz", "0", "1234"]) {
      await writer.write("stdout", text(part));
      expect("abcdefghijklmnopqrstuvwxyz01234".includes(writer.tail("stdout", 6).toString())).toBe(true);
    }
    expect(writer.tail("stdout", 99).toString()).toBe("vwxyz01234");
    await writer.close();
  });
});

describe("a follower", () => {
  test("that came before the directory existed sees every frame and then ends", async () => {
    const nested = join(directory, "later", "log");
    const seen = Array.fromAsync(readLog(nested, { follow: true }));
    await new Promise((resolve) => setImmediate(resolve));
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(directory, "later"));
    const writer = await openLogWriter(nested);
    await writer.write("stdout", text("a"));
    await writer.flush();
    await writer.write("stderr", text("b"));
    await writer.finish();
    expect(shown(await seen).slice(0, 2)).toEqual(["stdout:a", "stderr:b"]);
  });

  test("sees each frame soon after it is written", async () => {
    const writer = await openLogWriter(path);
    const controller = new AbortController();
    const iterator = readLog(path, { follow: true, signal: controller.signal })[Symbol.asyncIterator]();
    const delays: number[] = [];
    for (let line = 0; line < 20; line++) {
      const next = iterator.next();
      await new Promise((resolve) => setImmediate(resolve));
      const startedMs = performance.now();
      await writer.write("stdout", text(`line ${line}\n`));
      expect(Buffer.from((await next).value?.bytes ?? []).toString()).toBe(`line ${line}\n`);
      delays.push(performance.now() - startedMs);
    }
    delays.sort((a, b) => a - b);
    // Others may want the processor at any of them; one that looks now and then is late at all.
    expect(delays[0]).toBeLessThan(60);
    controller.abort();
    expect((await iterator.next()).done).toBe(true);
    await writer.close();
  });

  test("is one of many that all see the whole log", async () => {
    const writer = await openLogWriter(path);
    const followers = Array.from({ length: 100 }, () => Array.fromAsync(readLog(path, { follow: true })));
    for (let line = 0; line < 50; line++) {
      await writer.write("stdout", text(`line ${line}\n`));
      if (line % 10 === 0) await writer.flush();
    }
    await writer.finish();
    for (const seen of await Promise.all(followers)) expect(seen).toHaveLength(51);
  });

  test("reads on across a torn end that a new writer replaces", async () => {
    const first = await openLogWriter(path);
    await first.write("stdout", text("whole"));
    await first.close();
    appendFileSync(path, encodeFrame("stdout", 8n, text("torn away")).subarray(0, 20));
    const iterator = readLog(path, { follow: true })[Symbol.asyncIterator]();
    expect(shown([(await iterator.next()).value as LogFrame])).toEqual(["stdout:whole"]);
    const next = iterator.next();
    const second = await openLogWriter(path);
    await second.write("stderr", text("new"));
    await second.finish();
    expect(shown([(await next).value as LogFrame])).toEqual(["stderr:new"]);
    expect((await iterator.next()).value).toMatchObject({ stream: "eof" });
    expect((await iterator.next()).done).toBe(true);
  });

  test("ends when the log is removed", async () => {
    const writer = await openLogWriter(path);
    await writer.write("stdout", text("a"));
    await writer.flush();
    const iterator = readLog(path, { follow: true })[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ stream: "stdout" });
    const end = iterator.next();
    rmSync(path);
    expect((await end).done).toBe(true);
    await writer.close();
  });

  test("ends without an error when it is aborted while it waits for the file", async () => {
    const controller = new AbortController();
    const seen = Array.fromAsync(readLog(path, { follow: true, signal: controller.signal }));
    controller.abort();
    expect(await seen).toEqual([]);
  });
});
