import { HomieError } from "../resources/errors.ts";

/** More than any join request or invite is long, whatever a chat adds to it. */
export const maxPasteLetters: number = 64 * 1024;

/** `more`: go on reading. `pause`: done, unless more comes at once. */
export type PasteStep = "more" | "pause" | "done" | "ended" | "interrupted";

/** What is typed and pasted into a terminal in raw mode, put together. Pure: the caller reads and waits. */
export interface PasteReader {
  push(keys: string): PasteStep;
  text(): string;
}

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h2-Bracketed-Paste-Mode, arrow keys and the like, or one character.
// oxlint-disable-next-line no-control-regex
const pieces = /\u001B\[20[01]~|\u001B\[[0-?]*[ -/]*[@-~]|\u001BO[@-~]|\u001B[^[O]|[^]/gu;
// oxlint-disable-next-line no-control-regex
const unfinished = /\u001B(?:\[[0-?]{0,16}|O)?$/u;
const [interruptKey, endKey, clearKey] = ["\u0003", "\u0004", "\u0015"];

export function createPasteReader(isWhole: (text: string) => boolean): PasteReader {
  let text = "";
  let carry = "";
  let isPasting = false;
  const append = (piece: string): void => {
    text += piece;
    if (text.length > maxPasteLetters)
      throw new HomieError("TooLarge", `what was pasted is longer than ${maxPasteLetters} characters`);
  };
  const endLine = (): PasteStep => {
    append("\n");
    if (isPasting || text.trim() === "") return "more";
    return isWhole(text) ? "done" : "pause";
  };
  const type = (key: string): PasteStep => {
    if (key === interruptKey) return "interrupted";
    if (key === endKey) return text.trim() === "" ? "ended" : "done";
    if (key === clearKey) text = "";
    else if (key === "\u007F" || key === "\b") text = text.slice(0, -1);
    return "more";
  };
  const take = (piece: string): PasteStep => {
    if (piece.startsWith("\u001B")) {
      if (/\[20[01]~$/u.test(piece)) isPasting = piece.endsWith("0~");
      return "more";
    }
    if (piece === "\r" || piece === "\n") return endLine();
    // oxlint-disable-next-line no-control-regex
    const isControl = /[\u0000-\u0008\u000B-\u001F\u007F]/u.test(piece);
    if (isControl) return isPasting ? "more" : type(piece);
    append(piece);
    return "more";
  };
  return {
    text: () => text,
    push: (keys) => {
      const whole = carry + keys;
      carry = unfinished.exec(whole)?.[0] ?? "";
      let step: PasteStep = "more";
      for (const [piece] of whole.slice(0, whole.length - carry.length).matchAll(pieces)) {
        step = take(piece);
        if (step !== "more" && step !== "pause") return step;
      }
      return step;
    },
  };
}

/**
 * Whether a join request or an invite is all there: its first letters tell its length (docs/protocol.md). What else is wrong
 * with it the daemon says.
 */
export function isWholePaste(text: string): boolean {
  const letters = /^h[jm]\d+_(.*)$/u.exec(text.replaceAll(/\s/gu, ""))?.[1] ?? "";
  if (letters.length < 3) return false;
  const lengthBytes = 2;
  const checksumBytes = 4;
  const body = Buffer.from(letters.slice(0, 3), "base64url").readUInt16BE(0);
  return letters.length >= Math.ceil(((lengthBytes + body + checksumBytes) * 4) / 3);
}
