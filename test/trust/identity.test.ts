import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadIdentity } from "../../src/adapters/identity/identity-file.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";

describe("identity", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "homie-identity-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const file = (): string => join(directory, "network", "identity.json");

  it("is made once, readable by its owner only, and stays the same", () => {
    const first = loadIdentity(file());
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(loadIdentity(file())).toEqual(first);
    expect(first.nodeId).toMatch(/^[a-z2-7]{25}$/);
    expect(Buffer.from(first.wireguardPublicKey, "base64").length).toBe(32);
  });

  it("names a key as base32 of its hash", () => {
    expect(nodeIdOf(new Uint8Array(32))).toBe("mzuhvlpymk6xo3epygfy5h4oe");
  });

  it("tells the two kinds of key apart", () => {
    const { identityKey, wireguardKey } = generateIdentity();
    expect(publicKeyOf(identityKey, "ed25519").length).toBe(32);
    expect(() => publicKeyOf(wireguardKey, "ed25519")).toThrow(/ed25519/);
  });

  it.each([
    ["a file that others may read", () => chmodSync(file(), 0o644), /may be read by others/],
    ["text that is not JSON", () => writeFileSync(file(), "{"), /not JSON/],
    ["JSON without keys", () => writeFileSync(file(), "[]"), /holds no keys/],
    [
      "keys that are none",
      () => writeFileSync(file(), '{"identityKey":"AA==","wireguardKey":"AA=="}'),
      /no usable keys/,
    ],
  ])("refuses %s and leaves it as it is", (_title, spoil, message) => {
    loadIdentity(file());
    spoil();
    expect(() => loadIdentity(file())).toThrow(message);
  });

  it("does not follow a link", () => {
    loadIdentity(file());
    const link = join(directory, "link.json");
    symlinkSync(file(), link);
    expect(() => loadIdentity(link)).toThrow(/cannot be read/);
  });
});
