import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { createCertificate, rawPublicKey } from "../../src/trust/certificate.ts";
import { generateIdentity, publicKeyOf } from "../../src/trust/identity.ts";

const { identityKey } = generateIdentity();
const certificate = new X509Certificate(createCertificate(identityKey).cert);

test("the certificate holds the identity key and is signed by it", () => {
  expect(rawPublicKey(certificate.publicKey)).toEqual(publicKeyOf(identityKey, "ed25519"));
  expect(certificate.verify(certificate.publicKey)).toBe(true);
});

test("no clock is too wrong for it, and it names nobody", () => {
  expect([certificate.validFromDate.getUTCFullYear(), certificate.validToDate.getUTCFullYear()]).toEqual([1970, 9999]);
  expect(certificate.subject).toBe("CN=homie");
});

test("one key gives one certificate, byte by byte", () => {
  expect(createCertificate(identityKey).cert).toBe(createCertificate(identityKey).cert);
});
