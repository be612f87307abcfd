import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptPaths, homePaths } from "../../../src/adapters/home.ts";
import { copyLog } from "../../../src/adapters/logs/copy-log.ts";
import { encodeFrame } from "../../../src/logs/frames.ts";
import { anAttempt } from "../../support/builders.ts";

const attempt = anAttempt();
const totals = { stdoutBytes: 6, stderrBytes: 0, droppedBytes: 0 };
const log = Buffer.concat([
  encodeFrame("stdout", 1n, Buffer.from("one\n")),
  encodeFrame("stdout", 2n, Buffer.from("2\n")),
  encodeFrame("eof", 3n, Buffer.from(JSON.stringify(totals))),
]);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-copy-log-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const here = (): Buffer => {
  const { uid } = attempt.spec.job;
  return readFileSync(attemptPaths(homePaths(root), uid, attempt.spec.attempt).log);
};

/** An executor whose answer consists of these pieces. */
function answer(pieces: readonly Uint8Array[]): { readonly stream: AsyncIterable<Uint8Array>; ended: boolean } {
  const told = { stream: undefined as unknown as AsyncIterable<Uint8Array>, ended: false };
  told.stream = (async function* (): AsyncIterable<Uint8Array> {
    for (const piece of pieces) yield Promise.resolve(piece);
    told.ended = true;
  })();
  return told;
}

describe("a log of another machine", () => {
  test("is copied byte by byte, and its answer read to the end", async () => {
    const told = answer([log.subarray(0, 7), log.subarray(7)]);
    expect(await copyLog(attempt, homePaths(root), () => Promise.resolve(told.stream))).toBe(true);
    expect(told.ended).toBe(true);
    expect(here().equals(log)).toBe(true);
  });

  test("goes on after the last whole frame when it was cut", async () => {
    const first = encodeFrame("stdout", 1n, Buffer.from("one\n")).length;
    const cut = answer([log.subarray(0, first + 5)]);
    expect(await copyLog(attempt, homePaths(root), () => Promise.resolve(cut.stream))).toBe(false);
    const asked: number[] = [];
    const whole = await copyLog(attempt, homePaths(root), (from) => {
      asked.push(from);
      return Promise.resolve(answer([log.subarray(from)]).stream);
    });
    expect(whole).toBe(true);
    expect(asked).toEqual([first]);
    expect(here().equals(log)).toBe(true);
  });

  test("ends with its end: what an executor sends after it is not taken", async () => {
    const more = encodeFrame("stdout", 4n, Buffer.from("more"));
    const endless = answer([log, more, more]);
    expect(await copyLog(attempt, homePaths(root), () => Promise.resolve(endless.stream))).toBe(true);
    expect(endless.ended).toBe(false);
    expect(here().equals(log)).toBe(true);
  });
});
