import { expect, test } from "vitest";
import { encodeFrame, FrameReader, maxFrameBytes } from "../../../src/adapters/tls/frames.ts";

test("G-12: a list of 100,000 hashes is refused by its length, before any of it comes", () => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(100_000 * 16, 0);
  head.writeUInt8(3, 4);
  expect(new FrameReader().push(head)).toBe("broken");
});

test("G-12: a frame that comes byte by byte is nothing until it is whole, and is what was sent then", () => {
  const body = Buffer.alloc(4_000, "hash");
  const frame = encodeFrame("gossip", body);
  const reader = new FrameReader();
  // Nothing given out is no sign of life either: whoever trickles is silent, and cut off for it.
  for (let at = 0; at < frame.length - 1; at += 1) expect(reader.push(frame.subarray(at, at + 1))).toEqual([]);
  const last = reader.push(Buffer.concat([frame.subarray(-1), encodeFrame("bye", body).subarray(0, 100)]));
  expect(last).toMatchObject([{ name: "gossip" }]);
  expect(last !== "broken" && last.map((each) => Buffer.compare(each.body, body))).toEqual([0]);
});

test("the largest frame may be followed by the smallest", () => {
  const frames = [encodeFrame("gossip", Buffer.alloc(maxFrameBytes, 7)), encodeFrame("bye", Buffer.alloc(0))];
  const read = new FrameReader().push(Buffer.concat(frames));
  expect(read !== "broken" && read.map(({ name, body }) => [name, body.length])).toEqual([
    ["gossip", maxFrameBytes],
    ["bye", 0],
  ]);
});
