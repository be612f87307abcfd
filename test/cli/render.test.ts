import fc from "fast-check";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { parseDuration, renderBytes, renderDuration } from "../../src/cli/render/duration.ts";
import { renderYaml } from "../../src/cli/render/markup.ts";
import { stringWidth, truncateToWidth } from "../../src/cli/render/string-width.ts";
import { renderTable } from "../../src/cli/render/table.ts";
import { renderUnifiedDiff } from "../../src/cli/render/unified-diff.ts";

describe("a table", () => {
  const rows = [
    ["train", "Running", "bob", 3],
    ["a-rather-long-name", "Succeeded", undefined, 0],
  ];
  test("has kubectl's columns", () => {
    expect(renderTable(["Name", "Phase", "Peer", "Outputs"], rows)).toBe(
      [
        "NAME                 PHASE       PEER     OUTPUTS",
        "train                Running     bob      3",
        "a-rather-long-name   Succeeded   <none>   0",
        "",
      ].join("\n"),
    );
  });
  test("lines up wide characters", () => {
    expect(
      renderTable(
        ["Name", "X"],
        [
          ["日本", "a"],
          ["abcd", "b"],
        ],
      ),
    ).toBe("NAME   X\n日本   a\nabcd   b\n");
  });
  test("is cut to the terminal, widest column first", () => {
    const text = renderTable(["Name", "Message"], [["train", "x".repeat(10_000)]], { maxWidth: 40 });
    expect(text).toBe(`NAME    MESSAGE\ntrain   ${"x".repeat(31)}…\n`);
  });
  test("leaves out the header on request", () => {
    expect(renderTable(["Name"], [["train"]], { headers: false })).toBe("train\n");
  });
  test("never gets wider than the terminal when that has room for its columns", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.string({ maxLength: 60 }), { minLength: 3, maxLength: 3 }), { maxLength: 5 }),
        fc.integer({ min: 24, max: 120 }),
        (cells, maxWidth) => {
          for (const line of renderTable(["A", "B", "C"], cells, { maxWidth }).split("\n"))
            expect(stringWidth(line)).toBeLessThanOrEqual(maxWidth);
        },
      ),
    );
  });
});

describe("widths", () => {
  test.each([
    ["abc", 3],
    ["日本", 4],
    ["e\u0301", 1],
    ["👍", 2],
    ["", 0],
    ["ß", 1],
  ])("%s is so wide", (text, width) => {
    expect(stringWidth(text)).toBe(width);
  });
  test("a cut never splits a wide character", () => {
    expect(truncateToWidth("日本語", 4)).toBe("日…");
  });
});

describe("durations and sizes", () => {
  test.each([
    [0, "0s"],
    [119_000, "119s"],
    [192_000, "3m12s"],
    [180_000, "3m"],
    [7_200_000, "120m"],
    [15_000_000, "4h10m"],
    [172_800_000, "2d"],
    [864_000_000, "10d"],
  ])("%d ms is %s", (ms, text) => {
    expect(renderDuration(ms)).toBe(text);
  });
  test.each([
    ["90", 90_000],
    ["1h30m", 5_400_000],
    ["500ms", 500],
    ["abc", undefined],
    ["-1", undefined],
    ["", undefined],
    ["5 m", undefined],
  ])("%s is read", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  test.each([
    [10, "10 B"],
    [1536, "1.5 KiB"],
    [3 * 1024 ** 3, "3 GiB"],
  ])("%d bytes is %s", (bytes, text) => {
    expect(renderBytes(bytes)).toBe(text);
  });
});

describe("a unified diff", () => {
  const names = { before: "a", after: "b" };
  test("shows three lines of context", () => {
    expect(renderUnifiedDiff("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nfive\n6\n7\n8\n", names)).toBe(
      "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
    );
  });
  test("of a new text is all additions", () => {
    expect(renderUnifiedDiff("", "a\nb\n", names)).toBe("--- a\n+++ b\n@@ -0,0 +1,2 @@\n+a\n+b\n");
  });
  test("of equal texts is empty", () => {
    expect(renderUnifiedDiff("a\n", "a\n", names)).toBe("");
  });
  test("turns the one text into the other", () => {
    const lines = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 25 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const text = renderUnifiedDiff(
          before.map((line) => `${line}\n`).join(""),
          after.map((line) => `${line}\n`).join(""),
          names,
        );
        if (text === "") expect(before).toEqual(after);
        else expect(applyDiff(before, text)).toEqual(after);
      }),
    );
  });
});

function applyDiff(before: readonly string[], diff: string): string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of diff.split("\n").slice(2, -1)) {
    const start = /^@@ -(\d+)(?:,(\d+))?/u.exec(line);
    if (start !== null) {
      const first = Number(start[1]) - (start[2] === "0" ? 0 : 1);
      result.push(...before.slice(at, first));
      at = first;
      continue;
    }
    if (line[0] !== "+") expect(before[at++]).toBe(line.slice(1));
    if (line[0] !== "-") result.push(line.slice(1));
  }
  return [...result, ...before.slice(at)];
}

test("YAML with hidden characters reads back as the same value and hides nothing", async () => {
  const value = { plain: "text", trick: "a\u202Eb", block: "x\u200B\ny\u001B[31m", "key\u2066": 1 };
  const text = await renderYaml(value);
  expect(parse(text)).toEqual(value);
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u001B\u200B\u202E\u2066]/u);
});
