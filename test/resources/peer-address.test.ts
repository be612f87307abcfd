import { expect, test } from "vitest";
import { peerAddress } from "../../src/resources/peer-address.ts";

test.each([
  ["what is declared, without its port", { address: "100.64.1.2:5556" }, undefined, "address", "100.64.1.2"],
  [
    "the path in use, before what is declared",
    { address: "bob.lan" },
    { kind: "lan", via: "[fd00::2]:5556" },
    "address",
    "fd00::2",
  ],
  ["the address of the mesh", {}, { kind: "direct", via: "10.13.108.50" }, "address", "10.13.108.50"],
  ["an address with colons of its own", { address: "fd00::2" }, undefined, "address", "fd00::2"],
  ["who relays", {}, { kind: "relay", via: "vivek" }, "relay", "vivek"],
] as const)("shown is %s", (_, spec, path, kind, text) => {
  expect(peerAddress(spec, path)).toEqual({ kind, text });
});

test("nothing is known of a peer that was not reached", () => {
  expect(peerAddress({}, undefined)).toBe(undefined);
  expect(peerAddress(undefined, {})).toBe(undefined);
});
