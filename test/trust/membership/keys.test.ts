import { expect, test } from "vitest";
import { identityProblem, signBytes, tunnelKeyProblem, verifyBytes } from "../../../src/trust/membership/keys.ts";
import { groupOrder, hexKeys, machine } from "./kit.ts";

const ann = machine("ann");
const words = Buffer.from("words");
const signature = signBytes(ann.identityKey, "homie/test/1", words);
const flipped = (key: Buffer): Buffer => Buffer.from(key.map((byte, index) => (index === 31 ? byte ^ 0x80 : byte)));

test("an own signature is verified, under its domain only", () => {
  expect(verifyBytes(ann.raw, signature, "homie/test/1", words)).toBe(true);
  expect(verifyBytes(ann.raw, signature, "homie/test/2", words)).toBe(false);
  expect(verifyBytes(ann.raw, signature, "homie/test/1", Buffer.from("Words"))).toBe(false);
});

test("H-15: a signature whose S was raised by the group order is refused", () => {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + groupOrder;
  const raised = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  expect(verifyBytes(ann.raw, Buffer.concat([signature.subarray(0, 32), raised]), "homie/test/1", words)).toBe(false);
});

test.each(hexKeys.smallOrder)("H-15: the small-order point %s is no identity, with either sign", (hex) => {
  const key = Buffer.from(hex, "hex");
  expect(identityProblem(key)).toMatch(/small order/);
  expect(identityProblem(flipped(key))).toMatch(/small order/);
  // R = the identity point, S = 0: what such a key "signs" for anybody.
  const anybody = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
  for (const text of ["a", "b", "c", "d"]) {
    expect(verifyBytes(key, anybody, "homie/test/1", Buffer.from(text))).toBe(false);
  }
});

test.each(hexKeys.nonCanonical)(
  "H-15: the second spelling %s of a key is refused as identity and for tunnels",
  (hex) => {
    expect(identityProblem(Buffer.from(hex, "hex"))).toMatch(/one form/);
    expect(tunnelKeyProblem(Buffer.from(hex, "hex"))).toMatch(/one form/);
  },
);

test.each(hexKeys.lowOrder)("H-14: the low-order point %s is no tunnel key", (hex) => {
  expect(tunnelKeyProblem(Buffer.from(hex, "hex"))).toMatch(/low order/);
});

test("sound keys have no problem, keys of any other length have one", () => {
  expect(identityProblem(ann.raw)).toBeUndefined();
  expect(tunnelKeyProblem(Buffer.from(ann.wireguardKey, "base64url"))).toBeUndefined();
  for (const length of [0, 31, 33, 64]) {
    expect(identityProblem(Buffer.alloc(length, 9))).toBe("is not 32 bytes");
    expect(tunnelKeyProblem(Buffer.alloc(length, 9))).toBe("is not 32 bytes");
  }
});
