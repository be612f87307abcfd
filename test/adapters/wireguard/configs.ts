import fc from "fast-check";
import type { WireGuardConfig, WireGuardPeer } from "../../../src/adapters/wireguard/config.ts";
import { derivePublicKey } from "../../../src/adapters/wireguard/keys.ts";

/** A key that is told by a number; good for tests and for nothing else. */
export function privateKeyOf(number: number): string {
  return Buffer.alloc(32, number).toString("base64");
}

export function publicKeyOf(number: number): string {
  return derivePublicKey(privateKeyOf(number));
}

export const sample: WireGuardConfig = {
  privateKey: privateKeyOf(1),
  listenPort: 51_821,
  addresses: ["10.99.0.1/16", "fd00:77::1/48"],
  mtu: 1280,
  peers: [
    {
      publicKey: publicKeyOf(2),
      allowedIps: ["10.99.0.2/32", "fd00:77::2/128"],
      endpoint: "192.0.2.2:51822",
      keepaliveSeconds: 25,
    },
    { publicKey: publicKeyOf(3), allowedIps: [] },
  ],
};

/** Few peers and few addresses, so that addresses move between peers often. */
export const anyConfig: fc.Arbitrary<WireGuardConfig> = fc
  .record({
    own: fc.constantFrom(1, 2),
    listenPort: fc.constantFrom(51_820, 51_821),
    peers: fc.uniqueArray(fc.integer({ min: 3, max: 8 }), { maxLength: 5 }),
    owners: fc.array(fc.nat(5), { minLength: 8, maxLength: 8 }),
    endpoints: fc.array(fc.option(fc.constantFrom("192.0.2.7:1", "[fd00::9]:65535"), { nil: undefined }), {
      minLength: 5,
      maxLength: 5,
    }),
    keepalives: fc.array(fc.constantFrom(undefined, 1, 25), { minLength: 5, maxLength: 5 }),
  })
  .map(({ own, listenPort, peers, owners, endpoints, keepalives }) => ({
    privateKey: privateKeyOf(own),
    listenPort,
    addresses: ["10.99.0.1/16"],
    mtu: 1280,
    peers: peers.map((number, index): WireGuardPeer => {
      const [endpoint, keepaliveSeconds] = [endpoints[index], keepalives[index]];
      return {
        publicKey: publicKeyOf(number),
        allowedIps: owners.flatMap((owner, host) => (owner === index ? [`10.99.1.${host}/32`] : [])),
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(keepaliveSeconds === undefined ? {} : { keepaliveSeconds }),
      };
    }),
  }));
