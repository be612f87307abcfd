import type { Dice } from "./dice.ts";

/** Inputs never grow beyond this by mutation. */
const maxBytes = 64 * 1024;
const extremes: readonly bigint[] = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  2n ** 53n,
];

type Change = (bytes: Buffer, dice: Dice, corpus: readonly Uint8Array[]) => Buffer;

const changes: readonly Change[] = [
  function flipBit(bytes, dice) {
    const at = dice.below(bytes.length);
    if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << dice.below(8)), at);
    return bytes;
  },
  function setByte(bytes, dice) {
    if (bytes.length > 0) bytes.writeUInt8(dice.below(256), dice.below(bytes.length));
    return bytes;
  },
  function insert(bytes, dice) {
    const at = dice.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), dice.bytes(1 + dice.size(64)), bytes.subarray(at)]);
  },
  function remove(bytes, dice) {
    const at = dice.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.size(bytes.length - at))]);
  },
  function cut(bytes, dice) {
    return bytes.subarray(0, dice.below(bytes.length + 1));
  },
  function duplicate(bytes, dice) {
    const at = dice.below(bytes.length + 1);
    const piece = bytes.subarray(at, at + 1 + dice.size(1_024));
    return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(1 + dice.size(6)).fill(piece), bytes.subarray(at)]);
  },
  function splice(bytes, dice, corpus) {
    const other = Buffer.from(dice.pick(corpus));
    return Buffer.concat([
      bytes.subarray(0, dice.below(bytes.length + 1)),
      other.subarray(dice.below(other.length + 1)),
    ]);
  },
  function moveBlock(bytes, dice) {
    const from = dice.below(bytes.length + 1);
    const piece = Buffer.from(bytes.subarray(from, from + 1 + dice.size(512)));
    bytes.set(piece.subarray(0, bytes.length - Math.min(bytes.length, dice.below(bytes.length + 1))), 0);
    return bytes;
  },
  function setNumber(bytes, dice) {
    const width = dice.pick([1, 2, 4, 8]);
    if (bytes.length < width) return bytes;
    const number = BigInt.asUintN(width * 8, dice.pick(extremes) - BigInt(dice.below(2)));
    const digits = Buffer.from(number.toString(16).padStart(width * 2, "0"), "hex");
    bytes.set(dice.chance(50) ? digits : digits.toReversed(), dice.below(bytes.length - width + 1));
    return bytes;
  },
  function fill(bytes, dice) {
    const at = dice.below(bytes.length + 1);
    return bytes.fill(dice.pick([0, 0xff, 0x20, 0x41]), at, Math.min(bytes.length, at + 1 + dice.size(64)));
  },
];

/** A sound input with one to a dozen things wrong with it. */
export function mutateBytes(dice: Dice, corpus: readonly Uint8Array[]): Buffer {
  let bytes: Buffer = Buffer.from(dice.pick(corpus));
  for (let count = 1 + dice.size(11); count > 0; count -= 1) {
    bytes = Buffer.from(dice.pick(changes)(bytes, dice, corpus)).subarray(0, maxBytes);
  }
  return bytes;
}
