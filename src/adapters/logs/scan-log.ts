import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { createFrameDecoder, parseLogTotals } from "../../logs/frames.ts";
import type { LogTotals } from "../../logs/frames.ts";
import type { LogFrame } from "../../logs/types.ts";

/** What a log file holds, as far as its frames are whole. */
export interface LogScan extends LogTotals {
  /** The eof frame is there: nothing will be added. */
  readonly complete: boolean;
  /** Where the last whole frame ends; anything after it is torn. */
  readonly goodBytes: number;
  /** Time of the newest program output. */
  readonly lastTimeNs?: bigint;
}

const readBytes = 256 * 1024;

/** Counts what is in a log, for a daemon that did not write it itself. A missing file is an empty log. */
export async function readLogCounts(path: string): Promise<LogScan> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return emptyScan;
    throw error;
  }
  try {
    return await scanLog(file, () => undefined);
  } finally {
    await file.close();
  }
}

const emptyScan: LogScan = { complete: false, goodBytes: 0, stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 };

/** Reads every whole frame once, in constant memory. */
export async function scanLog(file: FileHandle, onFrame: (frame: LogFrame) => void): Promise<LogScan> {
  const decoder = createFrameDecoder();
  const buffer = Buffer.allocUnsafe(readBytes);
  let scan = emptyScan;
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, readBytes, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    for (const frame of decoder.push(buffer.subarray(0, bytesRead))) {
      onFrame(frame);
      scan = countFrame(scan, frame);
    }
    if (decoder.isDamaged || scan.complete) break;
  }
  return scan;
}

function countFrame(scan: LogScan, frame: LogFrame): LogScan {
  if (scan.complete) return scan;
  const goodBytes = frame.nextOffset;
  if (frame.stream === "eof") return { ...scan, ...parseLogTotals(frame.bytes), complete: true, goodBytes };
  if (frame.stream === "homie") return { ...scan, goodBytes };
  const counter = frame.stream === "stdout" ? "stdoutBytes" : "stderrBytes";
  return { ...scan, goodBytes, lastTimeNs: frame.timeNs, [counter]: scan[counter] + frame.bytes.length };
}
