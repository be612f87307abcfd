import { expect, test } from "vitest";
import { openBox, sealBox } from "../../../src/trust/membership/sealed-box.ts";
import { rawPrivateKey } from "../../../src/trust/membership/join-request.ts";
import { bitsOf, flip, hexKeys, machine } from "./kit.ts";

const hex = (text: string): Buffer => Buffer.from(text, "hex");
const eve = machine("eve");
const secret = rawPrivateKey(eve.record.wireguardKey);
const context = { info: Buffer.from("info"), additional: Buffer.from("additional") };
const plain = Buffer.from("only for eve");
const box = await sealBox(Buffer.from(eve.wireguardKey, "base64url"), context, plain);

test("RFC 9180 A.2.1: the first message of the published vector opens", async () => {
  const enc = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
  const cipher = hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
  const recipient = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
  const published = { info: hex("4f6465206f6e2061204772656369616e2055726e"), additional: hex("436f756e742d30") };
  const opened = await openBox(recipient, published, Buffer.concat([enc, cipher]));
  expect(opened?.toString()).toBe("Beauty is truth, truth beauty");
});

test("a box opens with the right key in the right context, and its maker chooses another one-time key each time", async () => {
  expect(await openBox(secret, context, box)).toEqual(plain);
  expect(await sealBox(Buffer.from(eve.wireguardKey, "base64url"), context, plain)).not.toEqual(box);
});

test("H-04, H-06: any flipped bit, another key or another context opens nothing", async () => {
  for (const bit of bitsOf(box)) expect(await openBox(secret, context, flip(box, bit))).toBeUndefined();
  expect(await openBox(rawPrivateKey(machine("bob").record.wireguardKey), context, box)).toBeUndefined();
  for (const changes of [{ info: Buffer.from("inf0") }, { additional: Buffer.alloc(0) }]) {
    expect(await openBox(secret, { ...context, ...changes }, box)).toBeUndefined();
  }
});

test.each(hexKeys.lowOrder)("H-14: a box whose sender used the low-order point %s opens nothing", async (point) => {
  expect(await openBox(secret, context, Buffer.concat([hex(point), box.subarray(32)]))).toBeUndefined();
});

test("a box cut at any length opens nothing", async () => {
  for (let length = 0; length < box.length; length++) {
    expect(await openBox(secret, context, box.subarray(0, length))).toBeUndefined();
  }
});
