import { createPasteReader } from "./paste-reader.ts";
import type { PasteStep } from "./paste-reader.ts";
import { safeLine } from "./render/safe-text.ts";
import type { PasteOptions } from "./terminal.ts";

// Bracketed paste: the terminal says where a paste begins and ends, so that its line breaks are told from Enter.
const [enter, leave] = ["\u001B[?2004h", "\u001B[?2004l"];
const clearLine = "\r\u001B[K";
/** Lines of one paste follow each other at once, even over a slow link. */
const quietMs = 400;
const shownLetters = 12;

/**
 * Reads a pasted text from the terminal of this process, past its line editing: in that, the kernel keeps 4095 characters of a
 * line and drops the rest. Undefined at Ctrl-D, or when the signal aborts.
 */
export async function readPaste(
  process: NodeJS.Process,
  question: string,
  { isWhole, signal }: PasteOptions,
): Promise<string | undefined> {
  const { stdin, stderr } = process;
  const isPlain = process.env["TERM"] === "dumb";
  const reader = createPasteReader(isWhole);
  const decoder = new TextDecoder();
  const show = (): void => {
    const text = reader.text().trim();
    const begin = safeLine(text.slice(0, shownLetters));
    const rest = text.length > shownLetters ? `… ${text.length} characters` : "";
    if (!isPlain) stderr.write(`${clearLine}> ${begin}${rest}`);
  };
  stderr.write(`${question}\n${isPlain ? "" : `${enter}> `}`);
  stdin.setRawMode(true);
  let timer: NodeJS.Timeout | undefined;
  let onData: ((chunk: Buffer | string) => void) | undefined;
  let onEnd: (() => void) | undefined;
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      onEnd = (): void => resolve(undefined);
      const act: Readonly<Record<PasteStep, () => void>> = {
        more: () => {},
        pause: () => void (timer = setTimeout(() => resolve(reader.text()), quietMs)),
        done: () => resolve(reader.text()),
        ended: onEnd,
        interrupted: () => void process.kill(process.pid, "SIGINT"),
      };
      onData = (chunk): void => {
        clearTimeout(timer);
        try {
          const step = reader.push(typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
          show();
          act[step]();
        } catch (error) {
          reject(error);
        }
      };
      if (signal?.aborted === true) return onEnd();
      signal?.addEventListener("abort", onEnd, { once: true });
      stdin.on("data", onData).once("end", onEnd).resume();
    });
  } finally {
    clearTimeout(timer);
    if (onData !== undefined) stdin.removeListener("data", onData);
    if (onEnd !== undefined) {
      stdin.removeListener("end", onEnd);
      signal?.removeEventListener("abort", onEnd);
    }
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write(isPlain ? "\n" : `${leave}\n`);
  }
}
