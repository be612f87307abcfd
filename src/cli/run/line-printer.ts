import type { LogFrame } from "../../logs/types.ts";
import { createInertDecoder } from "../render/safe-text.ts";
import type { InertDecoder } from "../render/safe-text.ts";

/** Whole lines for one stream, each with its line break. */
export type WriteLines = (stream: "stdout" | "stderr", text: string) => Promise<void>;

export interface LinePrinter {
  print(frame: LogFrame, peer: string): Promise<void>;
  /** Writes what is left of unfinished lines. */
  end(): Promise<void>;
}

/** A program that never ends its line must not fill our memory with it. */
const longestLine = 64 * 1024;

interface Unfinished {
  readonly decoder: InertDecoder;
  text: string;
  peer: string;
}

/** Writes a log line by line as `[peer] line`, made inert; the streams stay apart. */
export function createLinePrinter(write: WriteLines): LinePrinter {
  const streams = new Map<"stdout" | "stderr", Unfinished>();
  const unfinishedOf = (stream: "stdout" | "stderr"): Unfinished => {
    const known = streams.get(stream) ?? { decoder: createInertDecoder(), text: "", peer: "" };
    streams.set(stream, known);
    return known;
  };
  const end = async (): Promise<void> => {
    for (const [stream, { decoder, text, peer }] of streams) {
      const rest = text + decoder.end();
      if (rest !== "") await write(stream, prefixed(peer, rest.replace(/\n$/u, "").split("\n")));
    }
    streams.clear();
  };
  return {
    end,
    print: async ({ stream, bytes }, peer) => {
      // The next attempt begins with a line of its own.
      if (stream === "eof") return await end();
      if (stream === "homie") return await write("stderr", renderRemark(bytes));
      const unfinished = unfinishedOf(stream);
      unfinished.peer = peer;
      const lines = (unfinished.text + unfinished.decoder.push(bytes)).split("\n");
      const rest = lines.pop() ?? "";
      const isLong = rest.length > longestLine;
      unfinished.text = isLong ? "" : rest;
      const whole = isLong ? [...lines, rest] : lines;
      if (whole.length > 0) await write(stream, prefixed(peer, whole));
    },
  };
}

function prefixed(peer: string, lines: readonly string[]): string {
  return lines.map((line) => `[${peer}] ${line}\n`).join("");
}

function renderRemark(bytes: Uint8Array): string {
  const decoder = createInertDecoder();
  return `homie: ${(decoder.push(bytes) + decoder.end()).trimEnd()}\n`;
}
