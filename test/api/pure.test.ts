import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderAge, renderBytes, renderDuration } from "../../src/api/human.ts";
import { isSuspiciousTarget } from "../../src/api/guard.ts";
import { createLogTail } from "../../src/api/log-tail.ts";
import { applyMergePatch } from "../../src/api/patch.ts";
import type { LogFrame } from "../../src/logs/types.ts";

describe("durations", () => {
  test.each([
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [150, "2m30s"],
    [599, "9m59s"],
    [600, "10m"],
    [10_799, "179m"],
    [10_800, "3h"],
    [11_100, "3h5m"],
    [28_800, "8h"],
    [172_799, "47h"],
    [172_800, "2d"],
    [180_000, "2d2h"],
    [691_200, "8d"],
    [63_072_000, "2y"],
    [70_000_000, "2y80d"],
    [300_000_000, "9y"],
  ])("%i seconds are shown as %s", (seconds, shown) => expect(renderDuration(seconds * 1000)).toBe(shown));

  test("a moment in the future is 0s old and no moment has no age", () => {
    const now = new Date("2026-01-01T00:00:00Z");
    expect([renderAge("2026-01-01T00:00:09Z", now), renderAge(undefined, now), renderAge("soon", now)]).toEqual([
      "0s",
      "-",
      "-",
    ]);
  });

  test.each([
    [0, "0"],
    [1023, "1023"],
    [1024, "1Ki"],
    [1536, "1.5Ki"],
    [8 * 2 ** 30, "8Gi"],
    ["4g", "4g"],
    [undefined, "-"],
    [Number.NaN, "-"],
  ])("%s bytes are shown as %s", (value, shown) => expect(renderBytes(value)).toBe(shown));
});

describe("merge patches", () => {
  // The table of RFC 7386, appendix A.
  test.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j patched with %j is %j", (before, patch, after) => expect(applyMergePatch(before, patch)).toEqual(after));

  test("applying a patch twice is applying it once, and changes neither argument", () => {
    const plain = fc.dictionary(fc.constantFrom("a", "b", "constructor", "toString"), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(plain, plain, (before, patch) => {
        const texts = JSON.stringify([before, patch]);
        const once = applyMergePatch(before, patch);
        expect(applyMergePatch(once, patch)).toEqual(once);
        expect(JSON.stringify([before, patch])).toBe(texts);
      }),
    );
  });
});

describe("the tail of a log", () => {
  const frame = (stream: LogFrame["stream"], text: string): LogFrame => ({
    stream,
    bytes: Buffer.from(text),
    timeNs: 0n,
    nextOffset: 0,
  });

  test("is the last lines of all that was written, however it was cut into frames", () => {
    const piece = fc.tuple(
      fc.constantFrom("stdout" as const, "stderr" as const),
      fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat({ max: 5 }), (pieces, lines) => {
        const tail = createLogTail(lines);
        for (const [stream, text] of pieces) tail.push(frame(stream, text));
        const shown = tail
          .frames()
          .map((one) => Buffer.from(one.bytes).toString())
          .join("");
        const all = pieces
          .map(([, text]) => text)
          .join("")
          .split(/(?<=\n)/)
          .filter((line) => line !== "");
        expect(shown).toBe(lines === 0 ? "" : all.slice(-lines).join(""));
      }),
    );
  });

  test("keeps remarks and the eof frame that lie between and after the lines", () => {
    const tail = createLogTail(1);
    for (const [stream, text] of [
      ["stdout", "a\nb\n"],
      ["homie", "gap"],
      ["eof", "{}"],
    ] as const)
      tail.push(frame(stream, text));
    expect(tail.frames().map((one) => [one.stream, Buffer.from(one.bytes).toString()])).toEqual([
      ["stdout", "b\n"],
      ["homie", "gap"],
      ["eof", "{}"],
    ]);
  });

  test("stays bounded when a program never ends a line", () => {
    const tail = createLogTail(10);
    const block = "x".repeat(64 * 1024);
    for (let count = 0; count < 400; count += 1) tail.push(frame("stdout", block));
    expect(tail.frames().length * block.length).toBeLessThanOrEqual(16 * 1024 * 1024);
  });
});

describe("request targets", () => {
  test.each([
    "/apis/../x",
    "/%2e%2e/x",
    "/a/.%2E/b",
    "/a//b",
    "//evil",
    "/a%2fb",
    "/a%00",
    "/a\\b",
    "/a%5Cb",
    "http://evil/",
    "*",
    "/.",
    "/a/..",
    "/a\u0001",
  ])("%j is suspicious", (target) => expect(isSuspiciousTarget(target)).toBe(true));
  test.each(["/", "/apis/homie.dev/v1/jobs/a.b-c?labelSelector=a%2Fb//..", "/openapi/v3/apis/homie.dev/v1?hash=A"])(
    "%j is not",
    (target) => expect(isSuspiciousTarget(target)).toBe(false),
  );
});
