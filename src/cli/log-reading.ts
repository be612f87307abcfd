import { createFrameDecoder } from "../logs/frames.ts";
import type { LogFrame } from "../logs/types.ts";
import { HomieError } from "../resources/errors.ts";
import { StrangeAnswer } from "./client.ts";
import type { Client } from "./client.ts";

const frameType = "application/vnd.homie.log";

/** Where in a job's logs to begin; frames carry both streams, so one is chosen while reading. */
export interface LogPlace {
  readonly attempt?: number | undefined;
  /** As `attempt`, and those after it. */
  readonly fromAttempt?: number | undefined;
  readonly from?: number | undefined;
  readonly tailLines?: number | undefined;
  readonly follow?: boolean;
}

/** What was read up to now, enough to go on after a break. */
export interface LogProgress {
  attempt: number | undefined;
  offset: number | undefined;
}

/** Every frame from a place on, in order; keeps `progress` up to date. Ends when the log is over. */
export async function* readFrames(
  client: Client,
  path: string,
  place: LogPlace,
  progress: LogProgress,
): AsyncGenerator<LogFrame> {
  const query = Object.entries(place).flatMap((entry): [string, string][] => {
    const [name, value] = entry;
    return value === undefined || value === false ? [] : [[name, String(value)]];
  });
  const url = query.length === 0 ? path : `${path}?${new URLSearchParams(query).toString()}`;
  const response = await client.send({ method: "GET", path: url, headers: { accept: frameType } });
  // Whatever else answers, an empty log would be read in it.
  if (response.headers["content-type"] !== frameType) throw new StrangeAnswer();
  let attempt = Number(response.headers["homie-attempt"] ?? place.attempt ?? place.fromAttempt ?? 1);
  progress.attempt = attempt;
  let begin = 0; // where in the stream the log of this attempt would begin
  const decoder = createFrameDecoder(Number(response.headers["homie-log-offset"] ?? place.from ?? 0));
  for await (const chunk of response.body) {
    for (const frame of decoder.push(chunk)) {
      yield frame;
      // The end mark of one attempt is followed by the log of the next, if the job is tried again.
      if (frame.stream === "eof") {
        attempt += 1;
        begin = frame.nextOffset;
      }
      Object.assign(progress, { attempt, offset: frame.nextOffset - begin });
    }
    if (decoder.isDamaged) throw new HomieError("LogCorrupt", "the log is damaged; what was readable is shown above");
  }
}

/** Keeps the last lines of one stream; an unfinished last line counts as a line. */
export function createLineTail(lines: number): { push(frame: LogFrame): void; frames(): readonly LogFrame[] } {
  let kept: { readonly frame: LogFrame; readonly breaks: number }[] = [];
  let breaks = 0;
  const countBreaks = (bytes: Uint8Array): number => bytes.reduce((count, byte) => count + Number(byte === 10), 0);
  return {
    push(frame) {
      const added = countBreaks(frame.bytes);
      kept.push({ frame, breaks: added });
      breaks += added;
      let drop = 0;
      // A frame may go once the lines after it are enough even if the last one is unfinished.
      while (drop < kept.length - 1 && breaks - (kept[drop]?.breaks ?? 0) > lines) breaks -= kept[drop++]?.breaks ?? 0;
      if (drop > 0) kept = kept.slice(drop);
    },
    frames: () =>
      cutToLines(
        kept.map((one) => one.frame),
        lines,
      ),
  };
}

function cutToLines(frames: readonly LogFrame[], lines: number): readonly LogFrame[] {
  const lastByte = frames.at(-1)?.bytes.at(-1);
  let left = lastByte === 10 ? lines + 1 : lines;
  if (lines === 0) return [];
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index];
    if (frame === undefined) break;
    for (let at = frame.bytes.length - 1; at >= 0; at -= 1) {
      if (frame.bytes[at] === 10) left -= 1;
      if (left === 0) return [{ ...frame, bytes: frame.bytes.subarray(at + 1) }, ...frames.slice(index + 1)];
    }
  }
  return frames;
}
