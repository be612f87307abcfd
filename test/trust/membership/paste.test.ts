import fc from "fast-check";
import { expect, test } from "vitest";
import { HomieError } from "../../../src/resources/errors.ts";
import { decodePaste, encodePaste, maxPasteBytes, type PasteKind } from "../../../src/trust/membership/paste.ts";

const kind: PasteKind = { prefix: "hm1_", noun: "invite", hint: "copy all of it" };
const body = Buffer.from("what two friends share");
const text = encodePaste(kind, body);
const problemOf = (pasted: string): string => {
  try {
    decodePaste(kind, pasted);
    return "none";
  } catch (error) {
    if (!(error instanceof HomieError) || error.code !== "InviteRejected") throw error;
    expect(error.hint).toBe("copy all of it");
    return error.message;
  }
};

test("what was encoded is decoded, at every length up to the limit", () => {
  for (const length of [0, 1, 2, 3, 255, 256, 257, maxPasteBytes]) {
    const bytes = Buffer.alloc(length, 0xa5);
    expect(decodePaste(kind, encodePaste(kind, bytes))).toEqual(bytes);
  }
  expect(() => encodePaste(kind, Buffer.alloc(maxPasteBytes + 1))).toThrow(RangeError);
});

test.each([
  ["hm2_AAAA", "the invite was made by a newer homie (version 2)"],
  ["hm0_AAAA", "the invite was made by another homie (version 0)"],
  ["HM1_AAAA", "the invite is none: one starts with hm1_"],
  ["hj1_AAAA", "the invite is none, but a join request: what is asked for starts with hm1_"],
  ["", "the invite is none: one starts with hm1_"],
  ["please join us", "the invite is none: one starts with hm1_"],
])("H-01: %j is told apart by its start", (pasted, message) => {
  expect(problemOf(pasted)).toBe(message);
});

test("H-02: a text cut at any length says how much of it came", () => {
  for (let length = 4; length < text.length; length++) {
    const of = length < 7 ? "" : ` of ${text.length}`;
    expect(problemOf(text.slice(0, length))).toBe(`the invite was cut: got ${length}${of} characters`);
  }
  expect(problemOf(`${text}AB`)).toBe("the invite has 2 characters too many");
});

test("H-03: line breaks and spaces of a chat are tolerated anywhere", () => {
  const broken = [...text].map((letter, index) => (index % 9 === 0 ? `\r\n \t${letter}` : letter)).join("");
  expect(decodePaste(kind, `\n ${broken} \n`)).toEqual(body);
});

test.each([
  ["\u200b", "has a character (U+200B) in it"],
  ["\u00a0", "has a character (U+00A0) in it"],
  ["\u201c", "has a character (U+201C) in it"],
  ["\u001b", "has a character (U+001B) in it"],
  ["\u{1f600}", "has a character (U+1F600) in it"],
  ['"', 'has """ (U+0022) in it'],
  ["*", 'has "*" (U+002A) in it'],
  ["=", 'has "=" (U+003D) in it'],
  ["+", 'has "+" (U+002B) in it'],
  ["/", 'has "/" (U+002F) in it'],
])("H-03, H-05: %j inside is named, and not shown when it could do harm", (letter, problem) => {
  expect(problemOf(`${text.slice(0, 12)}${letter}${text.slice(12)}`)).toBe(
    `the invite ${problem}, which belongs to no invite`,
  );
});

test("a single mistyped letter, or two swapped ones, is a wrong character or a wrong length and never a wrong body", () => {
  for (let index = 4; index < text.length; index++) {
    for (const letter of "AZaz09-_") {
      if (text[index] === letter) continue;
      const message = problemOf(text.slice(0, index) + letter + text.slice(index + 1));
      expect(message).toMatch(/has a wrong character|was cut|too many/);
    }
    const swapped =
      text.slice(0, index - 1) + text.slice(index, index + 1) + text.slice(index - 1, index) + text.slice(index + 1);
    if (swapped !== text) expect(problemOf(swapped)).not.toBe("none");
  }
});

test("H-05: spare bits of the last letter have to be zero", () => {
  const odd = encodePaste(kind, Buffer.from("odd"));
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const texts = [text, odd, encodePaste(kind, Buffer.from("even"))];
  for (const each of texts) {
    const accepted = [...alphabet].filter((letter) => problemOf(each.slice(0, -1) + letter) === "none");
    expect(accepted).toEqual([each.at(-1)]);
  }
});

test("H-13: a megabyte is refused by its length", () => {
  expect(problemOf(`hm1_${"A".repeat(1_000_000)}`)).toBe("the invite is too long: 1000004 characters");
});

test("no text makes the reader fail with anything but InviteRejected, and no message is long or carries control characters", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ unit: fc.constantFrom(..."ABab01-_ \n=\u200b"), maxLength: 300 }).map((tail) => `hm1_${tail}`),
  );
  fc.assert(
    fc.property(texts, (pasted) => {
      const message = problemOf(pasted);
      expect(message.length).toBeLessThan(200);
      expect(message).not.toMatch(/\p{C}/u);
    }),
    { numRuns: 2_000 },
  );
});
