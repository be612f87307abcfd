import { expect, test } from "vitest";
import { checkProof, deriveGroupKeys, pinMark, proveSecret } from "../../src/trust/group-secret.ts";

const keys = deriveGroupKeys("correct horse");
const channel = { exporter: Buffer.alloc(32, 1), client: Buffer.alloc(32, 2), server: Buffer.alloc(32, 3) };

test("a proof convinces whoever knows the same secret on the same connection", () => {
  expect(checkProof(keys, channel, "client", proveSecret(keys, channel, "client"))).toBe(true);
});

test.each([
  ["another secret", deriveGroupKeys("correct horsf"), channel, "client"],
  ["another connection", keys, { ...channel, exporter: Buffer.alloc(32, 9) }, "client"],
  ["another client", keys, { ...channel, client: Buffer.alloc(32, 9) }, "client"],
  ["another server", keys, { ...channel, server: Buffer.alloc(32, 9) }, "client"],
  ["the ends swapped", keys, { ...channel, client: channel.server, server: channel.client }, "client"],
  ["the other role, as when it is sent back", keys, channel, "server"],
] as const)("O1: a proof is worth nothing under %s", (_, otherKeys, otherChannel, role) => {
  expect(checkProof(otherKeys, otherChannel, role, proveSecret(keys, channel, "client"))).toBe(false);
});

test("a proof with any bit changed, or of any other length, is refused without throwing", () => {
  const proof = proveSecret(keys, channel, "client");
  for (let bit = 0; bit < proof.length * 8; bit++) {
    const altered = Buffer.from(proof);
    altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(checkProof(keys, channel, "client", altered)).toBe(false);
  }
  for (const length of [0, 1, 31, 33, 64])
    expect(checkProof(keys, channel, "client", Buffer.alloc(length))).toBe(false);
});

test("keys of different purposes, and marks of different secrets, have nothing in common", () => {
  const all = [keys.admission, keys.beacon, keys.pin].map((key) => key.toString("hex"));
  expect(new Set(all).size).toBe(3);
  expect(pinMark(keys, channel.client)).not.toBe(pinMark(deriveGroupKeys("another"), channel.client));
});

test("the derivation never changes: a golden value", () => {
  expect(proveSecret(keys, channel, "client").toString("hex")).toMatchInlineSnapshot(
    `"987ead3883321c73dc50ea51d8b38965b860df7c07e90a3572f0392266f1ba14"`,
  );
});
