import type { LogFrame } from "../logs/types.ts";
import { encodeFrame } from "../logs/frames.ts";

/** Collects the end of a log while it streams by; holds no more than it needs. */
export interface LogTail {
  push(frame: LogFrame): void;
  /** The frames that make up the last lines; the first one may be cut at its front. */
  frames(): readonly LogFrame[];
}

const newline = 0x0a;
const frameHeaderBytes = encodeFrame("eof", 0n, new Uint8Array()).length;
/** A log without line ends must not fill the memory: then less than the lines asked for is kept. */
const maxHeldBytes = 16 * 1024 * 1024;

export function createLogTail(lines: number): LogTail {
  const held: { readonly frame: LogFrame; readonly newlines: number }[] = [];
  let newlines = 0;
  let bytes = 0;
  function dropFirst(): void {
    const first = held.shift();
    newlines -= first?.newlines ?? 0;
    bytes -= first?.frame.bytes.length ?? 0;
  }
  return {
    push(frame) {
      const entry = { frame, newlines: isText(frame) ? countNewlines(frame.bytes) : 0 };
      held.push(entry);
      newlines += entry.newlines;
      bytes += frame.bytes.length;
      // The frames after the first are enough once they hold one line end more than there are lines to show.
      while (held.length > 1 && (newlines - (held[0]?.newlines ?? 0) > lines || bytes > maxHeldBytes)) dropFirst();
    },
    frames: () =>
      cutToLines(
        held.map(({ frame }) => frame),
        lines,
      ),
  };
}

/** Offset in the log file of the first byte a frame brings, whether or not it was cut. */
export function offsetOf(frame: LogFrame): number {
  return frame.nextOffset - frameHeaderBytes - frame.bytes.length;
}

function isText(frame: LogFrame): boolean {
  return frame.stream === "stdout" || frame.stream === "stderr";
}

function cutToLines(frames: readonly LogFrame[], lines: number): readonly LogFrame[] {
  const endsInNewline = frames.findLast((frame) => isText(frame) && frame.bytes.length > 0)?.bytes.at(-1) === newline;
  let missing = lines + (endsInNewline ? 1 : 0);
  for (const [index, frame] of [...frames.entries()].toReversed()) {
    if (!isText(frame)) continue;
    if (missing === 0) return frames.slice(index + 1);
    let end = frame.bytes.length;
    for (;;) {
      const position = end === 0 ? -1 : frame.bytes.lastIndexOf(newline, end - 1);
      if (position === -1) break;
      missing -= 1;
      if (missing === 0) return cutFrame(frames, index, position + 1);
      end = position;
    }
  }
  return frames;
}

function cutFrame(frames: readonly LogFrame[], index: number, from: number): readonly LogFrame[] {
  const frame = frames[index];
  const rest = frames.slice(index + 1);
  if (frame === undefined || from >= frame.bytes.length) return rest;
  return [{ ...frame, bytes: frame.bytes.subarray(from) }, ...rest];
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count += 1;
  return count;
}
