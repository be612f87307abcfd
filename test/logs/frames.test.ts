import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFrameDecoder, encodeFrame, maxFrameBytes, parseLogTotals } from "../../src/logs/frames.ts";
import type { LogStream } from "../../src/logs/frames.ts";

const frame = fc.record({
  stream: fc.constantFrom<LogStream>("stdout", "stderr", "homie", "eof"),
  timeNs: fc.bigInt(0n, 2n ** 64n - 1n),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

describe("frames", () => {
  test("come back as they were encoded, whatever the pieces", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 1, max: 400 }), (frames, size) => {
        const whole = Buffer.concat(frames.map((each) => encodeFrame(each.stream, each.timeNs, each.bytes)));
        const decoder = createFrameDecoder(1000);
        const seen = [];
        for (let at = 0; at < whole.length; at += size) seen.push(...decoder.push(whole.subarray(at, at + size)));
        expect(seen.map(({ stream, timeNs, bytes }) => ({ stream, timeNs, bytes: Uint8Array.from(bytes) }))).toEqual(
          frames,
        );
        expect(decoder).toMatchObject({ offset: 1000 + whole.length, pendingBytes: 0, isDamaged: false });
        expect(seen.at(-1)?.nextOffset ?? 1000).toBe(1000 + whole.length);
      }),
    );
  });

  test("before a torn end are all there, and the end waits for its rest", () => {
    const whole = Buffer.concat([
      encodeFrame("stdout", 1n, Buffer.from("one")),
      encodeFrame("stderr", 2n, Buffer.from("two")),
    ]);
    for (let end = 0; end < whole.length; end++) {
      const decoder = createFrameDecoder();
      expect(decoder.push(whole.subarray(0, end))).toHaveLength(end >= 20 ? 1 : 0);
      expect(decoder.isDamaged).toBe(false);
    }
  });

  test("that are changed in any bit are never given out", () => {
    const whole = encodeFrame("stdout", 5n, Buffer.from("payload"));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(createFrameDecoder().push(damaged)).toEqual([]);
    }
  });

  test("hold at most 64 KiB", () => {
    expect(() => encodeFrame("stdout", 0n, Buffer.alloc(maxFrameBytes + 1))).toThrow(RangeError);
  });

  test.each(["", "[]", "{}", '{"stdoutBytes":-1,"stderrBytes":0,"droppedBytes":0}', "null"])(
    "%j is no total",
    (text) => {
      expect(parseLogTotals(Buffer.from(text))).toBeUndefined();
    },
  );
});
