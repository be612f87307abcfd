import { describe, expect, test } from "vitest";
import type { WireGuardConfig, WireGuardPeer } from "../../../src/adapters/wireguard/config.ts";
import { parseDump, type WireGuardDump } from "../../../src/adapters/wireguard/parse-dump.ts";
import { planChanges, planRenewal, type WireGuardAction } from "../../../src/adapters/wireguard/plan-changes.ts";
import { renderWgArguments } from "../../../src/adapters/wireguard/wg-arguments.ts";
import { publicKeyOf, sample } from "./configs.ts";
import { WgModel } from "./wg-model.ts";

const [peer, quiet] = sample.peers as readonly [WireGuardPeer, WireGuardPeer];
const key = peer.publicKey;

/** What `wg` lists after `config` was applied and the peer was seen at `endpoint`. */
function seenAt(config: WireGuardConfig, endpoint: string): WireGuardDump {
  const model = new WgModel(() => config.privateKey);
  run(model, planChanges(config, parseDump(model.dump())));
  const dump = parseDump(model.dump());
  const moved = { endpoint, latestHandshakeSeconds: 1 };
  return { ...dump, peers: dump.peers.map((each) => (each.publicKey === key ? { ...each, ...moved } : each)) };
}

function run(model: WgModel, actions: readonly WireGuardAction[]): void {
  for (const command of renderWgArguments("homie0", actions, "KEYFILE")) model.run(command);
}

function renewalOf(
  config: WireGuardConfig,
  dump: WireGuardDump,
  ...keys: readonly string[]
): readonly WireGuardAction[] {
  return planRenewal(config, dump, { renewed: new Set(keys), previous: sample });
}

describe("a peer that is renewed", () => {
  const removal = { kind: "remove-peer", publicKey: key };

  test("is taken out and put in again, and no other is touched", () => {
    expect(renewalOf(sample, seenAt(sample, "198.51.100.1:9"), key)).toEqual([removal, { kind: "add-peer", peer }]);
  });

  test("is looked for where it is configured, or else where it was last", () => {
    const { endpoint: _, ...wanderer } = peer;
    const config = { ...sample, peers: [wanderer, quiet] };
    const found = { ...wanderer, endpoint: "198.51.100.1:9" };
    expect(renewalOf(config, seenAt(config, "198.51.100.1:9"), key)).toEqual([
      removal,
      { kind: "add-peer", peer: found },
    ]);
    const zoned = "[fe80::1%eth0]:9";
    expect(renewalOf(config, seenAt(config, zoned), key).at(-1)).toMatchObject({ peer: { endpoint: zoned } });
  });

  test("is put in as it is configured now", () => {
    const changed = { ...peer, allowedIps: ["10.99.0.9/32"], endpoint: "192.0.2.9:9" };
    const config = { ...sample, peers: [changed, quiet] };
    expect(renewalOf(config, seenAt(sample, "198.51.100.1:9"), key)).toEqual([
      removal,
      { kind: "add-peer", peer: changed },
    ]);
  });

  test("is added once when it is not there, and one that is not configured is none", () => {
    const dump = seenAt({ ...sample, peers: [quiet] }, "198.51.100.1:9");
    expect(renewalOf(sample, dump, key)).toEqual([{ kind: "add-peer", peer }]);
    expect(renewalOf(sample, seenAt(sample, "198.51.100.1:9"), publicKeyOf(9))).toEqual([]);
    // Somebody added it by hand: it goes, and that is all.
    expect(renewalOf({ ...sample, peers: [quiet] }, seenAt(sample, "198.51.100.1:9"), key)).toEqual([removal]);
  });

  test("goes and comes in one command", () => {
    const actions = renewalOf(sample, seenAt(sample, "198.51.100.1:9"), key);
    expect(renderWgArguments("homie0", actions, "KEYFILE")).toEqual([
      [
        ...["set", "homie0", "peer", key, "remove", "peer", key, "endpoint", "192.0.2.2:51822"],
        ...["persistent-keepalive", "25", "allowed-ips", "10.99.0.2/32,fd00:77::2/128"],
      ],
    ]);
  });
});
