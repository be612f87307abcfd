import { describe, expect, onTestFinished, test } from "vitest";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { attemptPaths, homePaths } from "../../src/adapters/home.ts";
import { createLogSource } from "../../src/adapters/logs/read-log.ts";
import { createFrameDecoder, encodeFrame } from "../../src/logs/frames.ts";
import { lineReader } from "./ask.ts";
import { jobs, openTestHome } from "./support.ts";
import type { TestHome } from "./support.ts";
import type { Attempt } from "../../src/resources/attempt.ts";

const frameType = "application/vnd.homie.log";
const eof = JSON.stringify({ stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 });

async function homeWithLog(): Promise<TestHome & { first: Attempt }> {
  const home = openTestHome();
  const job = await home.job("train");
  const first = home.attempt(job, 1, { phase: "Running" });
  home.logs.write(first, "stdout", "one\ntw");
  home.logs.write(first, "stderr", "oops\n");
  home.logs.write(first, "homie", "12 bytes were dropped");
  home.logs.write(first, "stdout", "o\n\u001b[31mthree");
  return { ...home, first };
}
function finish(home: TestHome, phase: "Succeeded" | "Failed" = "Succeeded"): void {
  home.setStatus("train", { phase, observedGeneration: 1 });
}
const text = async (home: TestHome, query = ""): Promise<string> =>
  await (await home.fetch(`${jobs}/train/log${query}`)).text();

describe("logs", () => {
  test.each([
    ["", "one\ntwoops\no\n\u001b[31mthree"],
    ["?stream=stdout", "one\ntwo\n\u001b[31mthree"],
    ["?stream=stderr", "oops\n"],
    ["?stream=stdout&from=23", "o\n\u001b[31mthree"],
    ["?tailLines=1", "\u001b[31mthree"],
    ["?tailLines=2", "o\n\u001b[31mthree"],
    ["?tailLines=2&stream=stdout", "two\n\u001b[31mthree"],
    ["?tailLines=0", ""],
    ["?tailLines=100", "one\ntwoops\no\n\u001b[31mthree"],
  ])("?%s gives exactly the bytes the program wrote", async (query, expected) => {
    const home = await homeWithLog();
    const response = await home.fetch(`${jobs}/train/log${query}`, { headers: { accept: "application/json" } });
    expect([response.status, response.headers.get("content-type"), response.headers.get("homie-attempt")]).toEqual([
      200,
      "text/plain; charset=utf-8",
      "1",
    ]);
    expect(await response.text()).toBe(expected);
  });

  test("the newest attempt is read unless another is named", async () => {
    const home = await homeWithLog();
    const second = home.attempt((await home.get(`${jobs}/train`)) as any, 2, { phase: "Running" });
    home.logs.write(second, "stdout", "second\n");
    expect(await text(home)).toBe("second\n");
    expect(await text(home, "?attempt=1&stream=stderr")).toBe("oops\n");
    expect(await text(home, "?fromAttempt=1&stream=stderr")).toBe("oops\n");
  });

  test("frames come as they are in the log, the eof frame too, from any offset", async () => {
    const home = await homeWithLog();
    home.logs.write(home.first, "eof", eof);
    const read = async (query: string) => {
      const response = await home.fetch(`${jobs}/train/log${query}`, { headers: { accept: frameType } });
      expect(response.headers.get("content-type")).toBe(frameType);
      const decoder = createFrameDecoder(Number(response.headers.get("homie-log-offset")));
      return decoder.push(new Uint8Array(await response.arrayBuffer()));
    };
    const all = await read("");
    expect(all.map((frame) => frame.stream)).toEqual(["stdout", "stderr", "homie", "stdout", "eof"]);
    expect(all.map((frame) => frame.timeNs)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(await read(`?from=${all[2]!.nextOffset}`)).toEqual(all.slice(3));
    const tail = await read("?tailLines=1");
    expect(tail.map((frame) => [frame.stream, Buffer.from(frame.bytes).toString()])).toEqual([
      ["stdout", "\u001b[31mthree"],
      ["eof", eof],
    ]);
    expect(tail.map((frame) => frame.nextOffset)).toEqual(all.slice(3).map((frame) => frame.nextOffset));
  });

  test("frames of one stream only are refused, as their offsets would be wrong", async () => {
    const response = await (
      await homeWithLog()
    ).fetch(`${jobs}/train/log?stream=stdout`, { headers: { accept: frameType } });
    expect(response.status).toBe(400);
  });

  test.each([
    ["the Job is missing", "/nobody/log", undefined],
    ["there is no attempt yet", "/train/log", undefined],
    ["there is no attempt with this number", "/train/log?attempt=7&follow=true", 1],
    ["the attempt has no log", "/train/log", 1],
    ["the attempt has no log to take the tail of", "/train/log?tailLines=3", 1],
    ["a finished attempt that is followed has no log", "/train/log?follow=true&attempt=1", 1],
  ])("a request is answered 404 when %s", async (_what, path, attempt) => {
    const home = openTestHome();
    const job = await home.job("train");
    if (attempt !== undefined) home.attempt(job, attempt, { phase: "Finished", reason: "ImageMissing" });
    const response = await home.fetch(`${jobs}${path}`);
    expect(response.status).toBe(404);
    expect(((await response.json()) as any).message).not.toBe("");
  });

  test("a running program that has written nothing yet has an empty log", async () => {
    const home = openTestHome();
    home.attempt(await home.job("train"), 1, { phase: "Running" });
    expect([(await home.fetch(`${jobs}/train/log`)).status, await text(home)]).toEqual([200, ""]);
  });

  test.each(["follow=maybe", "stream=all", "attempt=0", "from=-1", "tailLines=x"])(
    "the query %s is a bad request",
    async (query) => {
      expect((await (await homeWithLog()).fetch(`${jobs}/train/log?${query}`)).status).toBe(400);
    },
  );
});

describe("following logs", () => {
  test("begins before the first attempt and goes on through retries until the Job is finished", async () => {
    const home = openTestHome();
    const job = await home.job("train");
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    const first = home.attempt(job, 1);
    home.logs.write(first, "stdout", "first 1\n");
    home.setAttemptStatus(first, { phase: "Running" });
    expect(await lines.text()).toBe("first 1");
    home.logs.write(first, "stdout", "first 2\n");
    expect(await lines.text()).toBe("first 2");
    home.logs.write(first, "eof", eof);
    home.setAttemptStatus(first, { phase: "Finished", reason: "Error" });
    const second = home.attempt(job, 2, { phase: "Running" });
    home.logs.write(second, "stdout", "second\n");
    home.logs.write(second, "eof", eof);
    home.setAttemptStatus(second, { phase: "Finished" });
    expect(await lines.text()).toBe("second");
    finish(home);
    expect(await lines.text()).toBeUndefined();
  });

  test("the tail comes first and what is written later follows without a gap", async () => {
    const home = await homeWithLog();
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true&tailLines=1&stream=stdout`));
    home.logs.write(home.first, "stdout", " and more\nfour\n");
    expect([await lines.text(), await lines.text()]).toEqual(["\u001b[31mthree and more", "four"]);
    home.logs.write(home.first, "eof", eof);
    finish(home);
    expect(await lines.text()).toBeUndefined();
  });

  test("an attempt that never writes a log is passed over when it is finished", async () => {
    const home = openTestHome();
    const job = await home.job("train");
    const first = home.attempt(job, 1);
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    home.setAttemptStatus(first, { phase: "Finished", reason: "ImageMissing" });
    finish(home, "Failed");
    expect(await lines.text()).toBeUndefined();
  });

  test("one attempt that is named ends with its own eof frame", async () => {
    const home = await homeWithLog();
    const response = await home.fetch(`${jobs}/train/log?follow=true&attempt=1&stream=stderr`);
    home.logs.write(home.first, "eof", eof);
    expect(await response.text()).toBe("oops\n");
  });

  test("a finished Job's log is given at once and ends", async () => {
    const home = await homeWithLog();
    home.logs.write(home.first, "eof", eof);
    home.setAttemptStatus(home.first, { phase: "Finished" });
    finish(home);
    expect(await text(home, "?follow=true&stream=stderr")).toBe("oops\n");
  });

  test("ends when the Job is deleted", async () => {
    const home = openTestHome();
    await home.job("train");
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    await home.send("DELETE", `${jobs}/train`);
    expect(await lines.text()).toBeUndefined();
  });

  test("a reader that goes away stops the reading of the log", async () => {
    const home = await homeWithLog();
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    expect(await lines.text()).toBe("one");
    expect(home.logs.reading.size).toBe(1);
    await lines.close();
    expect(home.logs.reading.size).toBe(0);
  });

  test("a daemon that stops breaks the log off, so that nobody takes it for the end", async () => {
    const stop = new AbortController();
    const home = openTestHome({ signal: stop.signal });
    const attempt = home.attempt(await home.job("train"), 1, { phase: "Running" });
    home.logs.write(attempt, "stdout", "one\n");
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    expect(await lines.text()).toBe("one");
    const rest = lines.text();
    stop.abort();
    await expect(rest).rejects.toThrow();
  });
});

describe("logs on disk", () => {
  function homeOnDisk() {
    const paths = homePaths(mkdtempSync(join(tmpdir(), "homie-logs-")));
    onTestFinished(() => rmSync(paths.root, { recursive: true, force: true }));
    const home = openTestHome({}, createLogSource(paths));
    const append = (attempt: Attempt, stream: "stdout" | "eof", text: string): void => {
      const { log } = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
      mkdirSync(dirname(log), { recursive: true });
      appendFileSync(log, encodeFrame(stream, 0n, Buffer.from(text)));
    };
    return { home, append };
  }

  test("are followed from before they exist through a retry to the end of the Job", async () => {
    const { home, append } = homeOnDisk();
    const job = await home.job("train");
    const first = home.attempt(job, 1);
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    append(first, "stdout", "first\n");
    expect(await lines.text()).toBe("first");
    append(first, "eof", eof);
    home.setAttemptStatus(first, { phase: "Finished", reason: "Error" });
    const second = home.attempt(job, 2);
    home.setAttemptStatus(second, { phase: "Finished", reason: "ImageMissing" });
    const third = home.attempt(job, 3, { phase: "Running" });
    append(third, "stdout", "third\n");
    append(third, "eof", eof);
    expect(await lines.text()).toBe("third");
    finish(home);
    expect(await lines.text()).toBeUndefined();
    expect(await text(home)).toBe("third\n");
  });

  test("that never came are given up when their attempt ends without one", async () => {
    const { home } = homeOnDisk();
    const attempt = home.attempt(await home.job("train"), 1);
    const lines = lineReader(await home.fetch(`${jobs}/train/log?follow=true`));
    const rest = lines.text();
    home.setAttemptStatus(attempt, { phase: "Finished", reason: "ImageMissing" });
    finish(home, "Failed");
    expect(await rest).toBeUndefined();
    expect((await home.fetch(`${jobs}/train/log`)).status).toBe(404);
  });
});
