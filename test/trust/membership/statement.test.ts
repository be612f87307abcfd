import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeStrictJson } from "../../../src/trust/strict-json.ts";
import { consentTo, openStatement, signStatement } from "../../../src/trust/membership/statement.ts";
import { bitsOf, flip, genesisOf, hexKeys, machine, Signer, zeros } from "./kit.ts";

const [ann, bob, eve] = [machine("ann"), machine("bob"), machine("eve")];
const genesis = genesisOf(ann);
const sign = new Signer(genesis.network);
const admit = sign.admit(ann, bob);
const altered = (changes: object): ReturnType<typeof openStatement> => openStatement(sign.admit(ann, bob, changes));
const base64url = (hex: string): string => Buffer.from(hex, "hex").toString("base64url");

test("a statement opens to what was signed and keeps the bytes as they came", () => {
  expect(openStatement(admit)).toMatchObject({
    issuer: ann.identity,
    bytes: admit,
    statement: { kind: "Admit", network: genesis.network, seq: 1, subject: bob.identity, name: "bob", ip: bob.ip },
  });
});

test.each([
  ["a Genesis", genesis.bytes],
  ["an Admit", admit],
  ["a Revoke", sign.revoke(ann, bob, { lastGoodSeq: 3, keeps: [zeros] })],
  ["a Rotate", sign.rotate(ann, bob)],
  ["a Leave", sign.leave(bob)],
])("H-04: %s with any single bit flipped is refused", (_, bytes) => {
  expect(openStatement(bytes)).toBeTypeOf("object");
  for (const bit of bitsOf(bytes)) expect(openStatement(flip(bytes, bit))).toBeTypeOf("string");
});

test("a statement cut at any length is refused", () => {
  for (let length = 0; length < admit.length; length++) {
    expect(openStatement(admit.subarray(0, length))).toBeTypeOf("string");
  }
});

test("the consent of anybody but the key that is named is worth nothing", () => {
  expect(openStatement(consentTo(sign.offer(ann, bob), eve.identityKey))).toBe("has a forged consent, or was altered");
});

test("the consent to one Admit is none to another, nor to the same by another inviter", () => {
  const other = sign.offer(eve, bob);
  const moved = Buffer.concat([other.subarray(0, 97), admit.subarray(97, 161), other.subarray(161)]);
  expect(openStatement(moved)).toBe("has a forged consent, or was altered");
});

test.each([
  ["a newline and a command in the name", { name: "bob\nPostUp = touch x" }],
  ["a section in the name", { name: "[peer]" }],
  ["a comment in the name", { name: "#bob" }],
  ["an escape in the name", { name: "\u001b[31mbob" }],
  ["a homoglyph in the name", { name: "b\u043eb" }],
  ["capitals in the name", { name: "Bob" }],
  ["a range for an address", { ip: "10.77.0.0/16" }],
  ["no number", { seq: undefined }],
  ["number 0", { seq: 0 }],
  ["a negative number", { seq: -1 }],
  ["a number beyond 2^48", { seq: 2 ** 53 }],
  ["a fraction as number", { seq: 1.5 }],
  ["a text as number", { seq: "1" }],
  ["NaN as number, which JSON writes as null", { seq: Number.NaN }],
  ["a kind nobody knows", { kind: "Promote" }],
  ["a padded key", { wireguardKey: `${bob.wireguardKey}=` }],
  ["a key spelled with spare bits", { request: `${"A".repeat(42)}B` }],
  ["a low-order tunnel key", { wireguardKey: base64url(hexKeys.lowOrder[3] ?? "") }],
  ["a small-order subject", { subject: base64url(hexKeys.smallOrder[3] ?? "") }],
])("G-03, G-07, G-10, H-14, H-15: a signed statement with %s is refused", (_, changes) => {
  expect(altered(changes)).toMatch(/^is malformed: /);
});

test.each([
  ["public addresses", { cidr: "8.8.8.0/24", ip: "8.8.8.9" }],
  ["the addresses of Docker", { cidr: "172.17.0.0/16", ip: "172.17.0.9" }],
  ["host bits", { cidr: "10.77.0.1/16" }],
  ["all of the internet", { cidr: "0.0.0.0/0" }],
  ["a founder outside of it", { ip: "10.78.0.2" }],
])("A5: a Genesis with %s is refused", (_, changes) => {
  expect(openStatement(signStatement({ ...draft, ...changes }, ann.identityKey))).toMatch(
    /^is malformed: (?:cidr|ip) /,
  );
});
const { name, ip, wireguardKey } = ann;
const draft = {
  kind: "Genesis",
  networkName: "crew",
  cidr: "10.77.0.0/16",
  name,
  ip,
  wireguardKey,
  nonce: zeros,
} as const;

test("a Revoke that keeps more than one key can have issued is refused", () => {
  const keeps = Array.from({ length: 66 }, () => zeros);
  expect(openStatement(sign.revoke(ann, bob, { keeps }))).toMatch(/keeps is no list of at most 65/);
  expect(openStatement(sign.revoke(ann, bob, { keeps: keeps.slice(1) }))).toBeTypeOf("object");
});

test("a field that a newer homie adds does not make a statement unreadable, and is kept in its bytes", () => {
  const newer = sign.admit(ann, bob, { colour: "green" });
  expect(openStatement(newer)).toMatchObject({ bytes: newer });
});

test("G-11: a payload that is no strict JSON is refused even when signed", () => {
  const doubled = Buffer.from('{"kind":"Leave","kind":"Leave"}');
  expect(decodeStrictJson(doubled, { maxBytes: 100, maxDepth: 3 })).toBeUndefined();
  const deep = { kind: "Leave", network: genesis.network, seq: 1, lastGoodSeq: 0, keeps: [[[[]]]] };
  expect(openStatement(signStatement(deep as never, ann.identityKey))).toMatch(/^is malformed/);
});

test("G-01: no bytes make the reader of statements throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(openStatement(bytes)).toBeTypeOf("string");
      expect(openStatement(Buffer.concat([Buffer.from([1]), bytes]))).toBeTypeOf("string");
    }),
    { numRuns: 1_000 },
  );
  expect(openStatement(Buffer.alloc(65_507))).toBe("is cut or too long");
});
