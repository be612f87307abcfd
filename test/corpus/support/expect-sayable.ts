import { expect } from "vitest";

/** Whatever moves a cursor, hides or reorders text, or ends a line. */
// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const maxBytes = 4096;

/** A message that may go to a terminal, a log and a status block: short, one line, inert. */
export function expectSayable(message: string): void {
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(maxBytes);
  expect(message).not.toMatch(unsafe);
  expect(message.trim()).not.toBe("");
}

/** What reaches a terminal: no line of it can do anything but be read. */
export function expectInert(text: string): void {
  for (const line of text.split("\n").filter((each) => each !== "")) expectSayable(line);
}
