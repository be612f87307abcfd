import { crc32 } from "node:zlib";
import type { LogFrame } from "./types.ts";

/** stream u8 | time u64 | length u32 | crc32 u32; the crc covers the thirteen bytes before it and the payload. */
const frameHeaderBytes = 17;
/** Largest payload of one frame. */
export const maxFrameBytes: number = 64 * 1024;

export type LogStream = LogFrame["stream"];

const streamCodes = { stdout: 1, stderr: 2, homie: 3, eof: 4 } as const satisfies Record<LogStream, number>;
const streamNames = new Map<number, LogStream>(
  Object.entries(streamCodes).map(([name, code]) => [code, name as LogStream]),
);

export function encodeFrame(stream: LogStream, timeNs: bigint, bytes: Uint8Array): Buffer {
  if (bytes.length > maxFrameBytes) throw new RangeError(`a frame holds at most ${maxFrameBytes} bytes`);
  const frame = Buffer.allocUnsafe(frameHeaderBytes + bytes.length);
  frame.writeUInt8(streamCodes[stream], 0);
  frame.writeBigUInt64BE(timeNs, 1);
  frame.writeUInt32BE(bytes.length, 9);
  frame.set(bytes, frameHeaderBytes);
  frame.writeUInt32BE(frameChecksum(frame, bytes), 13);
  return frame;
}

function frameChecksum(frame: Buffer, bytes: Uint8Array): number {
  return crc32(bytes, crc32(frame.subarray(0, 13)));
}

export interface FrameDecoder {
  /** The frames that are complete now, in order. */
  push(chunk: Uint8Array): readonly LogFrame[];
  /** Offset just after the last complete frame. */
  readonly offset: number;
  /** Bytes after `offset` that make no frame yet. */
  readonly pendingBytes: number;
  /** What stands at `offset` can never become a frame; everything from there on is ignored. */
  readonly isDamaged: boolean;
}

/** `startOffset` is where in the log the first pushed byte lies. */
export function createFrameDecoder(startOffset = 0): FrameDecoder {
  let pending = Buffer.alloc(0);
  let offset = startOffset;
  let isDamaged = false;
  return {
    push(chunk) {
      if (isDamaged) return [];
      const bytes = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
      const frames: LogFrame[] = [];
      let at = 0;
      for (;;) {
        const frame = takeFrame(bytes, at, offset);
        if (frame === "damaged") isDamaged = true;
        if (frame === "damaged" || frame === "incomplete") break;
        frames.push(frame);
        at += frame.nextOffset - offset;
        offset = frame.nextOffset;
      }
      pending = isDamaged ? Buffer.alloc(0) : bytes.subarray(at);
      return frames;
    },
    get offset() {
      return offset;
    },
    get pendingBytes() {
      return pending.length;
    },
    get isDamaged() {
      return isDamaged;
    },
  };
}

function takeFrame(bytes: Buffer, at: number, offset: number): LogFrame | "incomplete" | "damaged" {
  if (bytes.length - at < frameHeaderBytes) return "incomplete";
  const stream = streamNames.get(bytes.readUInt8(at));
  const length = bytes.readUInt32BE(at + 9);
  if (stream === undefined || length > maxFrameBytes) return "damaged";
  const end = at + frameHeaderBytes + length;
  if (end > bytes.length) return "incomplete";
  const payload = bytes.subarray(at + frameHeaderBytes, end);
  if (frameChecksum(bytes.subarray(at), payload) !== bytes.readUInt32BE(at + 13)) return "damaged";
  return { stream, timeNs: bytes.readBigUInt64BE(at + 1), bytes: payload, nextOffset: offset + end - at };
}

/** What an eof frame says. */
export interface LogTotals {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly droppedBytes: number;
}

/** Undefined when the payload is none of ours. */
export function parseLogTotals(bytes: Uint8Array): LogTotals | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  const { stdoutBytes, stderrBytes, droppedBytes } = (value ?? {}) as Record<string, unknown>;
  const isCount = (count: unknown): count is number => Number.isSafeInteger(count) && (count as number) >= 0;
  if (!isCount(stdoutBytes) || !isCount(stderrBytes) || !isCount(droppedBytes)) return undefined;
  return { stdoutBytes, stderrBytes, droppedBytes };
}
