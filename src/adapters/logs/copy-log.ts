import { mkdir, open } from "node:fs/promises";
import { constants } from "node:fs";
import { dirname } from "node:path";
import { createFrameDecoder, encodeFrame } from "../../logs/frames.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { attemptPaths, type HomePaths } from "../home.ts";
import { scanLog } from "./scan-log.ts";

/** An executor keeps 64 MiB of a program's output; frames and remarks come on top. A longer log is no honest one. */
const maxLogBytes = 96 * 2 ** 20;

/**
 * Goes on copying the log of an attempt from another machine: `fetch` gives its bytes from an offset on. Only whole, sound
 * frames are written, so the file can be read while it grows. True when the log is complete.
 */
export async function copyLog(
  attempt: Attempt,
  paths: HomePaths,
  fetch: (from: number) => Promise<AsyncIterable<Uint8Array>>,
): Promise<boolean> {
  const path = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).log;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const scan = await scanLog(file, () => undefined);
    if (scan.complete) return true;
    await file.truncate(scan.goodBytes);
    const decoder = createFrameDecoder(scan.goodBytes);
    let position = scan.goodBytes;
    let complete = false;
    for await (const chunk of await fetch(scan.goodBytes)) {
      if (complete) break;
      const decoded = decoder.push(chunk);
      const end = decoded.findIndex(({ stream }) => stream === "eof");
      const frames = end < 0 ? decoded : decoded.slice(0, end + 1);
      const bytes = Buffer.concat(frames.map(({ stream, timeNs, bytes: body }) => encodeFrame(stream, timeNs, body)));
      if (position + bytes.length > maxLogBytes)
        throw new HomieError("LogCorrupt", "the executor sends a longer log than there can be");
      await file.write(bytes, 0, bytes.length, position);
      position += bytes.length;
      complete = end >= 0;
      // Nothing comes after it but the end of the answer, which is waited for so that the connection can be used again.
      if (complete) await file.datasync();
      else if (decoder.isDamaged)
        throw new HomieError("LogCorrupt", `the executor's log is damaged at byte ${decoder.offset}`);
    }
    return complete;
  } finally {
    await file.close();
  }
}
