import fc from "fast-check";
import { expect, test } from "vitest";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";
import { decodePathFrame, encodePathFrame, openLetter, sealLetter } from "../../src/trust/path-message.ts";

const machine = (): { key: string; raw: Buffer; node: string } => {
  const { identityKey: key } = generateIdentity();
  const raw = publicKeyOf(key, "ed25519");
  return { key, raw, node: nodeIdOf(raw) };
};
const [alice, bob, eve] = [machine(), machine(), machine()];
const message = Buffer.from("at 203.0.113.5:51820");

test("a letter that was passed on is the author's own, and only for whom it was meant", () => {
  const letter = sealLetter(message, bob.node, alice.key);
  expect(openLetter(letter, alice.raw, bob.node)).toEqual(message);
  expect(openLetter(letter, alice.raw, eve.node)).toBeUndefined();
  expect(openLetter(letter, eve.raw, bob.node)).toBeUndefined();
});

test("every flipped bit of a letter is noticed", () => {
  const letter = sealLetter(message, bob.node, alice.key);
  for (let bit = 0; bit < letter.length * 8; bit++) {
    const altered = Buffer.from(letter);
    altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(openLetter(altered, alice.raw, bob.node)).toBeUndefined();
  }
});

test("frames come out as they went in", () => {
  const letter = sealLetter(message, bob.node, alice.key);
  const frames = [
    { kind: "direct", message },
    { kind: "forward", to: bob.node, letter },
    { kind: "forwarded", from: alice.node, letter },
  ] as const;
  for (const frame of frames) expect(decodePathFrame(encodePathFrame(frame))).toEqual(frame);
});

test.each<readonly [string, Uint8Array]>([
  ["nothing", Buffer.alloc(0)],
  ["an unknown kind", Buffer.from([9, 1, 2, 3])],
  ["a message that is too long", Buffer.concat([Buffer.from([1]), Buffer.alloc(1_025)])],
  ["a letter without a message", Buffer.concat([Buffer.from([2]), Buffer.from(bob.node), Buffer.alloc(64)])],
  ["no node id", Buffer.concat([Buffer.from([2]), Buffer.from("A".repeat(25)), Buffer.alloc(80)])],
  ["a letter that is too long", Buffer.concat([Buffer.from([3]), Buffer.from(bob.node), Buffer.alloc(64 + 1_025)])],
])("%s is no frame", (_, bytes) => {
  expect(decodePathFrame(bytes)).toBeUndefined();
});

test("any bytes are read or refused, never thrown at", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodePathFrame(bytes)));
});
