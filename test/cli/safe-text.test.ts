import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createInertDecoder, escapeHidden, safeBlock, safeLine, shortLine } from "../../src/cli/render/safe-text.ts";

// oxlint-disable-next-line no-control-regex
const dangerous = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/u;
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\u001B",
        "\u001B[",
        "\u001B]0;",
        "\u001B]8;;http://x\u0007",
        "\u001B]52;c;AAAA\u001B\\",
        "\u009B31m",
        "\u009D",
        "\u001BP",
        "\u0007",
        "\r",
        "\n",
        "\t",
        "\u202E",
        "\u200B",
        "\u2066",
        "m",
        "31",
        ";",
        "\u{E0041}",
        "日本",
        "é",
      ),
      fc.string({ maxLength: 4, unit: "binary" }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

describe("text from objects on a terminal", () => {
  test.each([
    ["colours", "\u001B[31mred\u001B[0m", "red"],
    ["window titles", "\u001B]0;owned\u0007name", "name"],
    ["links", "\u001B]8;;http://evil\u001B\\text\u001B]8;;\u001B\\", "text"],
    ["the clipboard", "\u001B]52;c;cm0gLXJm\u0007x", "x"],
    ["eight-bit sequences", "\u009B2Jx\u009D0;t\u009Cy", "xy"],
    ["right-to-left overrides", "a\u202Etxt.exe", "atxt.exe"],
    ["zero-width characters", "a\u200Bb\uFEFFc", "abc"],
    ["cursor keys and backspaces", "\u001B[2K\u0008\u0008x", "x"],
  ])("%s are dropped", (_what, text, expected) => {
    expect(safeLine(text)).toBe(expected);
  });

  test("an escape sequence without an end does not swallow the next line", () => {
    expect(safeBlock("\u001B]0;never closed\nnext")).toBe("\nnext");
  });

  test("nothing that moves a cursor survives, whatever is written", () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(safeBlock(text)).not.toMatch(dangerous);
        expect(safeLine(text)).not.toMatch(/[\n\t]/u);
      }),
    );
  });

  test("a stream is as inert however it is cut", () => {
    fc.assert(
      fc.property(nasty, fc.array(fc.nat(40), { maxLength: 5 }), (text, cuts) => {
        const decoder = createInertDecoder();
        let rest = Buffer.from(text);
        let shown = "";
        for (const cut of cuts) {
          shown += decoder.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        shown += decoder.push(rest) + decoder.end();
        expect(shown).not.toMatch(dangerous);
      }),
    );
  });

  test("plain text comes through a cut stream as it was", () => {
    const bytes = Buffer.from("größe 日本 \u001B[1mbold\u001B[0m end\r\n");
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const decoder = createInertDecoder();
      expect(decoder.push(bytes.subarray(0, cut)) + decoder.push(bytes.subarray(cut)) + decoder.end()).toBe(
        "größe 日本 bold end\n",
      );
    }
  });

  test("JSON with hidden characters escaped reads back as the same value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = escapeHidden(JSON.stringify(text));
        expect(shown).not.toMatch(dangerous);
        expect(JSON.parse(shown)).toBe(text);
      }),
    );
  });
});

test("a sentence with an endless word in it keeps its beginning and its end, and no half of a character", () => {
  const short = shortLine(`error: "${"🚀".repeat(5000)}" cannot be the name of a job`);
  expect(short).toMatch(/^error: "🚀+.*🚀+" cannot be the name of a job$/u);
  expect(short.isWellFormed()).toBe(true);
  expect(Buffer.byteLength(short)).toBeLessThan(4096);
  expect(shortLine("x".repeat(1200))).toBe("x".repeat(1200));
});
