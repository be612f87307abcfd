import fc from "fast-check";
import { expect, test } from "vitest";
import { HomieError } from "../../../src/resources/errors.ts";
import { parseLink, planLink } from "../../../src/adapters/wireguard/link.ts";
import { parseDump } from "../../../src/adapters/wireguard/parse-dump.ts";
import { privateKeyOf, publicKeyOf } from "./configs.ts";

const head = [privateKeyOf(1), publicKeyOf(1), "51821", "off"].join("\t");
const peer = [publicKeyOf(2), "(none)", "[fd00::2]:51822", "10.99.0.2/32,fd00:0::2/128", "17", "1", "2", "25"];
const dumpWith = (...fields: readonly string[]): string => `${head}\n${fields.join("\t")}\n`;

test("a dump is read, without its private key", () => {
  const dump = parseDump(
    `${dumpWith(...peer)}${[publicKeyOf(3), "x", "(none)", "(none)", "0", "0", "0", "off"].join("\t")}\n`,
  );
  expect(dump).toEqual({
    publicKey: publicKeyOf(1),
    listenPort: 51_821,
    peers: [
      {
        publicKey: publicKeyOf(2),
        hasPresharedKey: false,
        endpoint: "[fd00::2]:51822",
        allowedIps: ["10.99.0.2/32", "fd00::2/128"],
        latestHandshakeSeconds: 17,
        receivedBytes: 1,
        sentBytes: 2,
        keepaliveSeconds: 25,
      },
      {
        publicKey: publicKeyOf(3),
        hasPresharedKey: true,
        allowedIps: [],
        latestHandshakeSeconds: 0,
        receivedBytes: 0,
        sentBytes: 0,
        keepaliveSeconds: 0,
      },
    ],
  });
});

test("a new interface has no key, and addresses set by hand are read though homie would take none of them", () => {
  expect(parseDump("(none)\t(none)\t48648\toff\n")).toEqual({ listenPort: 48_648, peers: [] });
  const odd = peer.with(2, "[fe80::1%eth0]:55").with(3, "0.0.0.0/0,::ffff:1.2.3.4/128");
  const [read] = parseDump(dumpWith(...odd)).peers;
  expect(read).toMatchObject({ endpoint: "[fe80::1%eth0]:55", allowedIps: ["0.0.0.0/0", "::ffff:1.2.3.4/128"] });
});

const broken: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["a line without an end", head],
  ["too few fields", `${privateKeyOf(1)}\t51821\toff\n`],
  ["an empty line", `${head}\n\n`],
  ["a key that is none", dumpWith(...peer.with(0, "key"))],
  ["a key of 31 bytes", dumpWith(...peer.with(0, Buffer.alloc(31, 1).toString("base64")))],
  ["a peer twice", `${dumpWith(...peer)}${peer.join("\t")}\n`],
  ["a number that is none", dumpWith(...peer.with(4, "-1"))],
  ["a number without end", dumpWith(...peer.with(5, "9".repeat(21)))],
  ["an address that is none", dumpWith(...peer.with(3, "10.99.0.2/32,$(id)"))],
  ["an endpoint that is a name", dumpWith(...peer.with(2, "example.org:1"))],
  ["a field too many", dumpWith(...peer, "more")],
];
test.each(broken)("%s is refused, and the key is not in the message", (_title, text) => {
  const refusal = catchError(() => parseDump(text));
  expect(refusal).toMatchObject({ code: "ProcessFailed" });
  expect(String(refusal)).not.toContain(privateKeyOf(1));
});

test("whatever comes is read or refused", () => {
  const line = fc
    .array(fc.oneof(fc.string(), fc.constantFrom(...peer)), { maxLength: 9 })
    .map((parts) => parts.join("\t"));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const refusal = catchError(() => parseDump(`${head}\n${lines.map((each) => `${each}\n`).join("")}`));
      if (refusal !== undefined) expect(refusal).toBeInstanceOf(HomieError);
    }),
  );
});

function catchError(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

test("an interface is read from what ip says, without the addresses the kernel gives it", () => {
  const addresses = [
    { family: "inet", local: "10.99.0.1", prefixlen: 16, scope: "global" },
    { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
  ];
  const link = { ifindex: 2, mtu: 1420, flags: ["POINTOPOINT", "UP"], addr_info: addresses };
  expect(parseLink(JSON.stringify([{}, link]))).toEqual({
    ifindex: 2,
    mtu: 1420,
    isUp: true,
    addresses: ["10.99.0.1/16"],
  });
  for (const text of ["", "[]", "{}", "[null]", '[{"ifindex":"2"}]', '[{"ifindex":2,"mtu":1}]']) {
    expect(() => parseLink(text)).toThrow(HomieError);
  }
});

test("only what differs of an interface is changed", () => {
  const wanted = { addresses: ["10.99.0.1/16", "fd00::1/48"], mtu: 1280 };
  const link = { ifindex: 2, mtu: 1280, isUp: true, addresses: wanted.addresses };
  expect(planLink("homie0", wanted, link)).toEqual([]);
  expect(planLink("homie0", wanted, { ...link, addresses: ["10.99.0.1/24", "fd00::1/48"] })).toEqual([
    ["address", "delete", "10.99.0.1/24", "dev", "homie0"],
    ["address", "add", "10.99.0.1/16", "dev", "homie0"],
  ]);
  const up = [["link", "set", "dev", "homie0", "mtu", "1280", "up"]];
  expect(planLink("homie0", wanted, { ...link, isUp: false })).toEqual(up);
  expect(planLink("homie0", wanted, { ...link, mtu: 1420 })).toEqual(up);
});
