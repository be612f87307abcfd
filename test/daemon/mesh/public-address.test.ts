import { expect, test } from "vitest";
import { isPublicAddress } from "../../../src/daemon/mesh/public-address.ts";

test.each(["203.0.113.11", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "2a00:1450::5"])(
  "%s is public",
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  ...[
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
  ],
  ...["0.0.0.0", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:8.8.8.8", "router.example", ""],
])("%s is not public", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});
