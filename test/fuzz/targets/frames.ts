import fc from "fast-check";
import {
  encodeFrame as encodeLinkFrame,
  FrameReader,
  frameTypes,
  maxFrameBytes as maxLinkBytes,
} from "../../../src/adapters/tls/frames.ts";
import type { Frame, FrameName } from "../../../src/adapters/tls/frames.ts";
import { createFrameDecoder, encodeFrame, maxFrameBytes, parseLogTotals } from "../../../src/logs/frames.ts";
import type { LogFrame } from "../../../src/logs/types.ts";
import type { Dice } from "../dice.ts";
import { made, must, mutants, type FuzzTarget } from "../target.ts";

const body = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.nat(3_000).map((length) => Buffer.alloc(length, 97)),
);
const logFrame = fc
  .tuple(fc.constantFrom("stdout", "stderr", "homie", "eof"), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), body)
  .map(([stream, timeNs, bytes]) => encodeFrame(stream as LogFrame["stream"], timeNs, bytes));
const eof = encodeFrame("eof", 9n, Buffer.from('{"stdoutBytes":1,"stderrBytes":2,"droppedBytes":0}'));
const logs = fc.array(logFrame, { maxLength: 6 }).map((frames) => Buffer.concat([...frames, eof]));

function piecesOf(input: Uint8Array): readonly Uint8Array[] {
  const size = [1, 16, 17, 700][input.length % 4] ?? 17;
  return Array.from({ length: Math.ceil(input.length / size) }, (_, index) =>
    input.subarray(index * size, (index + 1) * size),
  );
}

/** The checksum covers a frame, and frames say where they end: what is accepted is a beginning of the input, byte for byte. */
export function logFrameTarget(): FuzzTarget {
  return {
    name: "log-frames",
    share: 20,
    sources: [mutants(fc.sample(logs, { seed: 5, numRuns: 40 })), made(logs)],
    check(input) {
      const whole = createFrameDecoder(100);
      const frames = whole.push(input);
      const again = Buffer.concat(frames.map(({ stream, timeNs, bytes }) => encodeFrame(stream, timeNs, bytes)));
      must(
        again.equals(input.subarray(0, again.length)) && whole.offset === 100 + again.length,
        "other frames than were written",
      );
      const pieces = createFrameDecoder(100);
      const pieced = piecesOf(input).flatMap((piece) => pieces.push(piece));
      must(pieced.length === frames.length && pieces.offset === whole.offset, "pieces read otherwise than the whole");
      must(pieces.isDamaged === whole.isDamaged, "pieces are damaged otherwise than the whole");
      must(pieces.pendingBytes <= maxFrameBytes + 17, "a frame without end");
      for (const { bytes } of frames) mustCount(bytes);
      return whole.isDamaged ? "refused" : "accepted";
    },
  };
}

function mustCount(bytes: Uint8Array): void {
  const totals = parseLogTotals(bytes);
  if (totals !== undefined)
    must(
      Object.values(totals).every((each) => Number.isSafeInteger(each) && each >= 0),
      "totals that are none",
    );
}

const linkFrame = fc
  .tuple(fc.constantFrom(...(Object.keys(frameTypes) as FrameName[])), body)
  .map(([name, bytes]) => encodeLinkFrame(name, bytes));
const links = fc.array(linkFrame, { maxLength: 8 }).map((frames) => Buffer.concat(frames));

/** A frame so long that it must not be copied with every byte that comes of it; most times an ordinary one. */
function longFrame(dice: Dice): Uint8Array {
  const length = dice.chance(1) ? 200_003 : dice.size(300);
  return encodeLinkFrame("gossip", Buffer.alloc(length, dice.below(256)));
}

export function linkFrameTarget(): FuzzTarget {
  return {
    name: "link-frames",
    share: 20,
    sources: [mutants(fc.sample(links, { seed: 6, numRuns: 40 })), made(links), longFrame],
    check(input) {
      const [whole, isBroken] = readLink([input]);
      const [pieced, isPieceBroken] = readLink(piecesOf(input));
      must(isBroken === isPieceBroken, "pieces break otherwise than the whole");
      // What came whole before the break is not given out, in pieces it was already.
      if (!isBroken) must(JSON.stringify(pieced) === JSON.stringify(whole), "pieces read otherwise than the whole");
      const bytes = pieced.reduce((sum, frame) => sum + frame.body.length + 5, 0);
      must(bytes <= input.length, "more in the frames than was sent");
      must(
        pieced.every((frame) => frame.body.length <= maxLinkBytes),
        "a frame over the limit",
      );
      return isBroken ? "refused" : "accepted";
    },
  };
}

function readLink(pieces: readonly Uint8Array[]): [frames: readonly Frame[], isBroken: boolean] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  let isBroken = false;
  for (const piece of pieces) {
    const pushed = reader.push(piece);
    must(!isBroken || pushed === "broken", "a broken stream is read on");
    if (pushed === "broken") isBroken = true;
    else frames.push(...pushed);
  }
  return [frames, isBroken];
}
