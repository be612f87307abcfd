import fc from "fast-check";
import { expect, test } from "vitest";
import { HomieError } from "../../../src/resources/errors.ts";
import { signBytes } from "../../../src/trust/membership/keys.ts";
import { createJoinRequest, decodeJoinRequest } from "../../../src/trust/membership/join-request.ts";
import { bodyOf, eve, mal, pasteOf, requestOf } from "./invite-kit.ts";
import { bitsOf, flip, hexKeys } from "./kit.ts";

const { text, request } = requestOf(eve);
const body = bodyOf(text);
const problemOf = (pasted: string): string => {
  try {
    decodeJoinRequest(pasted);
    return "none";
  } catch (error) {
    if (!(error instanceof HomieError) || error.code !== "InviteRejected") throw error;
    return error.message;
  }
};
/** Signed anew by its own machine, with some bytes at some place replaced. */
const resigned = (at: number, bytes: Uint8Array): string => {
  const altered = Buffer.from(body.subarray(0, -64));
  altered.set(bytes, at);
  const signature = signBytes(eve.identityKey, "homie/join-request/1", altered);
  return pasteOf("hj1_", Buffer.concat([altered, signature]));
};

test("a join request carries the keys and the name of its machine, and another one-time key each time", () => {
  expect(Buffer.from(request.identity)).toEqual(eve.raw);
  expect(Buffer.from(request.wireguardKey).toString("base64url")).toBe(eve.wireguardKey);
  expect(request.name).toBe("eve");
  const other = requestOf(eve).request;
  expect(other.oneTimeKey).not.toEqual(request.oneTimeKey);
  expect(other.hash).not.toBe(request.hash);
});

test("a join request is short enough for any chat and holds no secret", () => {
  expect(text.length).toBeLessThan(400);
  const secrets = [eve.identityKey, eve.record.wireguardKey].map((key) => Buffer.from(key, "base64").subarray(-32));
  for (const secret of secrets) expect(body.includes(secret)).toBe(false);
});

test("H-04: every single bit of a join request flipped is refused, as mistyped, and as forged when the checksum is mended", () => {
  const framed = Buffer.from(text.slice(4), "base64url");
  for (const bit of bitsOf(framed)) {
    expect(problemOf(`hj1_${flip(framed, bit).toString("base64url")}`)).toMatch(/wrong character|was cut|too many/);
  }
  for (const bit of bitsOf(body)) {
    expect(problemOf(pasteOf("hj1_", flip(body, bit)))).toMatch(/forged|another homie|malformed|identity key is/);
  }
});

test("H-07: the identity of another machine put in its place is refused as forged", () => {
  const swapped = Buffer.from(body);
  swapped.set(mal.raw, 1);
  expect(problemOf(pasteOf("hj1_", swapped))).toBe("the join request is forged: its signature is wrong");
});

test.each([
  ["H-14: a low-order WireGuard key", 33, Buffer.from(hexKeys.lowOrder[3] ?? "", "hex"), /WireGuard key is a point/],
  ["H-14: an all-zero one-time key", 65, Buffer.alloc(32), /one-time key is a point of low order/],
  ["one key for both uses", 65, Buffer.from(eve.wireguardKey, "base64url"), /one-time key is its WireGuard key/],
  ["G-10: a newline in the name", 114, Buffer.from("a\nb"), /name is no DNS label/],
  ["G-10: an escape in the name", 114, Buffer.from("\u001b[3"), /name is no DNS label/],
  ["another version", 0, Buffer.from([2]), /another homie/],
  ["a length that is not that of the name", 113, Buffer.from([4]), /malformed/],
])("%s is refused although its machine signed it", (_, at, bytes, problem) => {
  expect(problemOf(resigned(at, bytes))).toMatch(problem);
});

test("H-15: a small-order identity is refused", () => {
  const swapped = Buffer.from(body);
  swapped.set(Buffer.from(hexKeys.smallOrder[3] ?? "", "hex"), 1);
  expect(problemOf(pasteOf("hj1_", swapped))).toMatch(/identity key is a point of small order/);
});

test("a name that is no DNS label makes no request", () => {
  for (const name of ["", "Eve", "e_e", "-e", "e".repeat(64), "e\n"]) {
    expect(() => createJoinRequest(eve.record, name)).toThrow(RangeError);
  }
  expect(decodeJoinRequest(createJoinRequest(eve.record, "e".repeat(63)).text).name).toBe("e".repeat(63));
});

test("no bytes in a sound paste make the reader fail with anything but InviteRejected", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(problemOf(pasteOf("hj1_", bytes))).not.toBe("none");
      expect(problemOf(pasteOf("hj1_", Buffer.concat([body.subarray(0, bytes.length), bytes])))).not.toBe("none");
    }),
    { numRuns: 1_000 },
  );
});
