import type { LogFrame } from "../logs/types.ts";
import { createInertDecoder } from "./render/safe-text.ts";
import type { InertDecoder } from "./render/safe-text.ts";
import type { Terminal } from "./terminal.ts";

export interface LogPrinter {
  print(frame: LogFrame): Promise<void>;
  /** Writes what was held back of an unfinished character or sequence. */
  end(): Promise<void>;
}

/**
 * One stream by itself goes out byte for byte unless a terminal would obey it; both together, and everything on a
 * terminal, is made inert. `raw` turns that off.
 */
export function createLogPrinter(
  terminal: Terminal,
  options: { readonly stream: "stdout" | "stderr" | undefined; readonly raw: boolean },
): LogPrinter {
  const { stream, raw } = options;
  const isExact = raw || (stream !== undefined && !terminal.output.isTty);
  const decoders = new Map<LogFrame["stream"], InertDecoder>();
  const decoderOf = (name: LogFrame["stream"]): InertDecoder => {
    const known = decoders.get(name) ?? createInertDecoder();
    decoders.set(name, known);
    return known;
  };
  return {
    print: async (frame) => {
      if (frame.stream === "eof") return;
      if (frame.stream === "homie") {
        const remark = createInertDecoder();
        return await terminal.errors.write(`homie: ${(remark.push(frame.bytes) + remark.end()).trimEnd()}\n`);
      }
      if (stream !== undefined && frame.stream !== stream) return;
      await terminal.output.write(isExact ? frame.bytes : decoderOf(frame.stream).push(frame.bytes));
    },
    end: async () => {
      for (const decoder of decoders.values()) await terminal.output.write(decoder.end());
    },
  };
}
