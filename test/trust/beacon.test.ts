import { expect, test } from "vitest";
import { beaconBytes, openBeacon, sealBeacon } from "../../src/trust/beacon.ts";
import { deriveGroupKeys } from "../../src/trust/group-secret.ts";

const { beacon: key } = deriveGroupKeys("correct horse");
const beacon = { identity: Buffer.alloc(32, 7), port: 5556, boot: 2 ** 40, seq: 12 };
const sealed = sealBeacon(key, beacon, Buffer.alloc(12, 5));

test("a beacon opens to what was sealed, and has always the same length", () => {
  const opened = openBeacon(key, sealed);
  expect({ ...opened, identity: Buffer.from(opened?.identity ?? []) }).toEqual(beacon);
  expect(sealed.length).toBe(beaconBytes);
});

test("A2: a beacon with any single bit changed is no beacon", () => {
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Buffer.from(sealed);
    altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(openBeacon(key, altered)).toBeUndefined();
  }
});

test.each([0, 1, beaconBytes - 1, beaconBytes + 1, 65_507])("G-01: a datagram of %i bytes is dropped", (length) => {
  expect(openBeacon(key, Buffer.alloc(length, 1))).toBeUndefined();
});

test("G-02: a beacon of another group is dropped, and nothing of one can be read in clear", () => {
  expect(openBeacon(deriveGroupKeys("another").beacon, sealed)).toBeUndefined();
  expect(sealed.includes(beacon.identity.subarray(0, 4))).toBe(false);
});
