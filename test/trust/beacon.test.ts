import { createCipheriv, createDecipheriv } from "node:crypto";
import { expect, test } from "vitest";
import { beaconBytes, openBeacon, sealBeacon } from "../../src/trust/beacon.ts";
import { deriveGroupKeys } from "../../src/trust/group-secret.ts";
import { machine } from "./membership/kit.ts";

const { beacon: key } = deriveGroupKeys("correct horse");
const numbers = { port: 5556, boot: 2 ** 40, seq: 12 };
const [bob, mal] = [machine("bob"), machine("mal")];
const sealed = sealBeacon(key, numbers, bob.identityKey, Buffer.alloc(12, 5));

test("a beacon opens to what was sealed, and has always the same length", () => {
  const opened = openBeacon(key, sealed);
  expect({ ...opened, identity: Buffer.from(opened?.identity ?? []) }).toEqual({ ...numbers, identity: bob.raw });
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
  expect(sealed.includes(bob.raw.subarray(0, 4))).toBe(false);
});

test("G-02: a beacon from the future that another member made in somebody's name is dropped", () => {
  const nonce = Buffer.alloc(12, 6);
  const future = sealBeacon(key, { ...numbers, boot: 2 ** 48 - 1 }, mal.identityKey, nonce);
  expect(openBeacon(key, future)?.boot).toBe(2 ** 48 - 1);
  const body = openSealed(future);
  body.set(bob.raw, 0);
  expect(openBeacon(key, seal(body, nonce))).toBeUndefined();
  const own = openSealed(sealed);
  own.set(body.subarray(34, 46), 34);
  expect(openBeacon(key, seal(own, nonce))).toBeUndefined();
});

/** What whoever knows the secret can do with any body. */
function seal(body: Uint8Array, nonce: Uint8Array): Buffer {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(Buffer.from("homie/beacon/2"), { plaintextLength: body.length });
  const text = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([Buffer.from([2]), nonce, text, cipher.getAuthTag()]);
}

function openSealed(datagram: Uint8Array): Buffer {
  const decipher = createDecipheriv("chacha20-poly1305", key, datagram.subarray(1, 13), { authTagLength: 16 });
  const text = datagram.subarray(13, -16);
  decipher.setAAD(Buffer.from("homie/beacon/2"), { plaintextLength: text.length });
  decipher.setAuthTag(datagram.subarray(-16));
  return Buffer.concat([decipher.update(text), decipher.final()]);
}
