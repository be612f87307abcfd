import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import type { WireGuardConfig, WireGuardPeer } from "../../../src/adapters/wireguard/config.ts";
import { whyNoLan } from "../crew/lan.ts";

const programs = ["/usr/bin/wg", "/usr/bin/wg-quick", "/usr/bin/wireguard-go", "/bin/busybox", "/dev/net/tun"];
const missing = programs.filter((path) => !existsSync(path));

/** Why these tests are skipped here; where they must not be, throws it. */
export async function whyNoWireGuard(): Promise<string | undefined> {
  const why = missing.length > 0 ? `needs ${missing.join(", ")} (node scripts/engine.ts install)` : await whyNoLan();
  if (why !== undefined && process.env["CI"] === "true") throw new Error(`WireGuard cannot be tested here: ${why}`);
  return why;
}

interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function makeKeys(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const last32 = (der: Buffer): string => der.subarray(-32).toString("base64");
  return {
    privateKey: last32(privateKey.export({ format: "der", type: "pkcs8" })),
    publicKey: last32(publicKey.export({ format: "der", type: "spki" })),
  };
}

const [keysOne, keysTwo] = [makeKeys(), makeKeys()];

export const two: WireGuardPeer = {
  publicKey: keysTwo.publicKey,
  allowedIps: ["10.99.0.2/32", "fd00:77::2/128"],
  endpoint: "192.0.2.2:51822",
  keepaliveSeconds: 25,
};
export const configOne: WireGuardConfig = {
  privateKey: keysOne.privateKey,
  listenPort: 51821,
  addresses: ["10.99.0.1/16", "fd00:77::1/48"],
  mtu: 1280,
  peers: [two],
};
export const configTwo: WireGuardConfig = {
  privateKey: keysTwo.privateKey,
  listenPort: 51822,
  addresses: ["10.99.0.2/16", "fd00:77::2/48"],
  mtu: 1280,
  peers: [{ publicKey: keysOne.publicKey, allowedIps: ["10.99.0.1/32", "fd00:77::1/128"] }],
};
