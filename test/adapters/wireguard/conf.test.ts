import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeConf, writeConf } from "../../../src/adapters/wireguard/conf-file.ts";
import { checkConfig, type WireGuardConfig } from "../../../src/adapters/wireguard/config.ts";
import { renderConf } from "../../../src/adapters/wireguard/render-conf.ts";
import { createWireGuard } from "../../../src/adapters/wireguard/wireguard.ts";
import { anyConfig, publicKeyOf, sample } from "./configs.ts";

const golden = `[Interface]
PrivateKey = ${sample.privateKey}
ListenPort = 51821
Address = 10.99.0.1/16
Address = fd00:77::1/48
MTU = 1280

[Peer]
PublicKey = ${publicKeyOf(2)}
AllowedIPs = 10.99.0.2/32, fd00:77::2/128
Endpoint = 192.0.2.2:51822
PersistentKeepalive = 25

[Peer]
PublicKey = ${publicKeyOf(3)}
`;

/** The sample with one value of its first peer, or of itself, replaced by something hostile. */
function withPeer(field: string, value: unknown): WireGuardConfig {
  const [first, ...rest] = sample.peers;
  return { ...sample, peers: [{ ...first, [field]: value }, ...rest] } as WireGuardConfig;
}

function withField(field: string, value: unknown): WireGuardConfig {
  return { ...sample, [field]: value } as WireGuardConfig;
}

const zeros = Buffer.alloc(32).toString("base64");
const hostile: readonly (readonly [string, WireGuardConfig])[] = [
  ...["x", `${publicKeyOf(2)}\nPostUp = id`, zeros, publicKeyOf(1), publicKeyOf(3), 7].map(
    (key) => ["publicKey", withPeer("publicKey", key)] as const,
  ),
  ...["0.0.0.0/0", "::/0", "128.0.0.0/1", "10.99.0.2", "10.99.0.2/16", "10.99.0.2/33", "10.99.0.02/32"].map(
    (address) => ["allowedIps", withPeer("allowedIps", [address])] as const,
  ),
  ...["::ffff:10.0.0.1/128", "fe80::1%eth0/128", "10.99.0.2/32\nPostUp = id", "10.99.0.2/32 ", "", null].map(
    (address) => ["allowedIps", withPeer("allowedIps", [address])] as const,
  ),
  ["allowedIps", withPeer("allowedIps", "10.99.0.2/32")],
  ["allowedIps", withPeer("allowedIps", ["10.99.0.2/32", "10.99.0.2/32"])],
  ["allowedIps", withPeer("allowedIps", Array(2_049).fill("10.99.0.2/32"))],
  ...["example.org:1", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:70000", "fd00::1:1", "[192.0.2.1]:1", "0.0.0.0:1"].map(
    (endpoint) => ["endpoint", withPeer("endpoint", endpoint)] as const,
  ),
  ...["224.0.0.1:1", "255.255.255.255:1", "[ff02::1]:1", "[fe80::1%lo]:1", "192.0.2.1:1\nPostUp = id", 5].map(
    (endpoint) => ["endpoint", withPeer("endpoint", endpoint)] as const,
  ),
  ...[0, 65_536, 1.5, NaN, "25\nPostUp = id"].map(
    (value) => ["keepalive", withPeer("keepaliveSeconds", value)] as const,
  ),
  ...[0, 65_536, "51821"].map((value) => ["listenPort", withField("listenPort", value)] as const),
  ...[575, 65_536, "1280"].map((value) => ["mtu", withField("mtu", value)] as const),
  ...["", "abc", `${sample.privateKey}\n`, zeros].map(
    (value) => ["privateKey", withField("privateKey", value)] as const,
  ),
  ["addresses", withField("addresses", ["10.99.0.1/16\nPostUp = id"])],
  ["addresses", withField("addresses", Array(17).fill("10.99.0.1/16"))],
];

describe("the file", () => {
  test("is what wg-quick takes, and holds no more than was configured", () => {
    expect(renderConf(sample)).toBe(golden);
  });

  test.each(hostile)("is not written with a bad %s", (field, config) => {
    expect(() => renderConf(config)).toThrow(expect.objectContaining({ code: "InvalidResource" }));
    expect(() => renderConf(config)).toThrow(field);
    expect(() => renderConf(config)).not.toThrow(sample.privateKey);
  });

  test("has the same addresses however they were written", () => {
    const long = withPeer("allowedIps", ["FD00:0077:0:0:0:0:0:2/128", "fd00::0.0.1.2/128"]);
    expect(checkConfig(long).peers[0]?.allowedIps).toEqual(["fd00:77::2/128", "fd00::102/128"]);
    expect(checkConfig(withPeer("endpoint", "[FD00:0::1]:5")).peers[0]?.endpoint).toBe("[fd00::1]:5");
  });

  test("G-10: holds known keys and typed values only, whatever is configured", () => {
    const line =
      /^(?:|\[Interface\]|\[Peer\]|(?:PrivateKey|PublicKey) = [\w+/]{43}=|(?:ListenPort|MTU|PersistentKeepalive) = \d+|(?:Address|AllowedIPs|Endpoint) = [\da-f:.,/[\] ]+)$/;
    fc.assert(
      fc.property(anyConfig, (config) => {
        for (const each of renderConf(config).split("\n")) expect(each).toMatch(line);
      }),
    );
  });
});

describe("on disk it", () => {
  let path: string;
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "homie-conf-"));
    path = join(root, "wireguard", "homie0.conf");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("is for its owner alone, and is written once", () => {
    expect(writeConf(path, sample)).toEqual({ savedHandEdit: false });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toContain(golden);
    const { ino } = statSync(path);
    writeConf(path, sample);
    expect(statSync(path).ino).toBe(ino);
  });

  test("is replaced without a copy when homie itself wrote it", () => {
    writeConf(path, sample);
    expect(writeConf(path, { ...sample, mtu: 1420 })).toEqual({ savedHandEdit: false });
    expect(existsSync(`${path}.orig`)).toBe(false);
    removeConf(path);
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ["an edit", "# my remark\n"],
    ["a line that looks like a mark", "# Written by homie and written over by it; sha256 of what follows: 00\n"],
  ])("is kept as .orig after %s", (_title, remark) => {
    writeConf(path, sample);
    appendFileSync(path, remark);
    const edited = readFileSync(path, "utf8");
    expect(writeConf(path, sample)).toEqual({ savedHandEdit: true });
    expect(readFileSync(`${path}.orig`, "utf8")).toBe(edited);
    expect(readFileSync(path, "utf8")).not.toContain(remark);
  });

  test("never goes where a link leads", () => {
    writeConf(path, sample);
    rmSync(path);
    const victim = join(root, "victim");
    writeFileSync(victim, "precious\n");
    symlinkSync(victim, path);
    writeConf(path, sample);
    expect(readFileSync(victim, "utf8")).toBe("precious\n");
    expect(statSync(path).isFile()).toBe(true);
    expect(readFileSync(path, "utf8")).toContain(golden);
  });
});

test.each(["", "-x", "homie0; id", "a".repeat(16), "../x"])("no interface is called %j", (name) => {
  expect(() => createWireGuard("/nonexistent", name)).toThrow(expect.objectContaining({ code: "InvalidResource" }));
});
