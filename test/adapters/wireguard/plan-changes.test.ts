import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WireGuardConfig } from "../../../src/adapters/wireguard/config.ts";
import { derivePublicKey } from "../../../src/adapters/wireguard/keys.ts";
import { parseDump, type WireGuardDump } from "../../../src/adapters/wireguard/parse-dump.ts";
import { planChanges } from "../../../src/adapters/wireguard/plan-changes.ts";
import { renderWgArguments } from "../../../src/adapters/wireguard/wg-arguments.ts";
import { anyConfig, publicKeyOf, sample } from "./configs.ts";
import { WgModel } from "./wg-model.ts";

function apply(model: WgModel, config: WireGuardConfig, previous?: WireGuardConfig): void {
  const actions = planChanges(config, parseDump(model.dump()), previous);
  for (const command of renderWgArguments("homie0", actions, "KEYFILE")) model.run(command);
}

/** A model that has just been brought to `config`. */
function modelOf(config: WireGuardConfig): WgModel {
  const model = new WgModel(() => config.privateKey);
  apply(model, config);
  return model;
}

function dumpOf(config: WireGuardConfig): WireGuardDump {
  return parseDump(modelOf(config).dump());
}

/** The part of a configuration that `wg` knows, in an order of its own. */
function facts(config: WireGuardConfig): unknown {
  const { privateKey, listenPort, peers } = config;
  const known = peers.map(({ publicKey, allowedIps, keepaliveSeconds = 0 }) => {
    return { publicKey, allowedIps: allowedIps.toSorted(), keepaliveSeconds, hasPresharedKey: false };
  });
  return { publicKey: derivePublicKey(privateKey), listenPort, peers: byKey(known) };
}

function factsOf({ publicKey, listenPort, peers }: WireGuardDump): unknown {
  const known = peers.map((peer) => {
    const { allowedIps, keepaliveSeconds, hasPresharedKey } = peer;
    return { publicKey: peer.publicKey, allowedIps: allowedIps.toSorted(), keepaliveSeconds, hasPresharedKey };
  });
  return { publicKey, listenPort, peers: byKey(known) };
}

function byKey<T extends { readonly publicKey: string }>(peers: readonly T[]): readonly T[] {
  return peers.toSorted((one, other) => (one.publicKey < other.publicKey ? -1 : 1));
}

describe("the actions", () => {
  test("bring any interface to any configuration, and then there is nothing more to do", () => {
    const situation = fc.record({
      first: anyConfig,
      last: anyConfig,
      shaken: fc.array(fc.boolean(), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(situation, ({ first, last, shaken }) => {
        let key = first.privateKey;
        const model = new WgModel(() => key);
        apply(model, first);
        // Some have answered, some got a shared key by hand.
        [...model.peers.values()].forEach((peer, index) => {
          peer.handshake = shaken[index] === true ? 1 : 0;
          peer.presharedKey = shaken[index] === false ? "c2VjcmV0" : "(none)";
        });
        key = last.privateKey;
        apply(model, last, first);
        const dump = parseDump(model.dump());
        expect(factsOf(dump)).toEqual(facts(last));
        expect(planChanges(last, dump, last)).toEqual([]);
        expect(planChanges(last, dump)).toEqual([]);
        for (const { publicKey, endpoint } of last.peers) {
          const old = first.peers.find((peer) => peer.publicKey === publicKey);
          if (endpoint !== undefined && old?.endpoint !== endpoint) {
            expect(dump.peers.find((peer) => peer.publicKey === publicKey)?.endpoint).toBe(endpoint);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("never leave an address that moves without an owner", () => {
    fc.assert(
      fc.property(anyConfig, anyConfig, (first, last) => {
        const model = modelOf({ ...first, privateKey: last.privateKey });
        apply(model, last);
        expect([...model.orphaned]).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("touch no peer that is as configured", () => {
    fc.assert(
      fc.property(anyConfig, anyConfig, (first, last) => {
        const same = new Set(
          first.peers.filter((peer) => last.peers.some((other) => JSON.stringify(other) === JSON.stringify(peer))),
        );
        const text = JSON.stringify(planChanges(last, dumpOf(first), first));
        for (const { publicKey } of same) expect(text).not.toContain(publicKey);
      }),
    );
  });

  test("hold no private key", () => {
    const actions = planChanges(sample, { listenPort: 0, peers: [] });
    expect(JSON.stringify(actions)).not.toContain(sample.privateKey);
    expect(actions.map((action) => action.kind)).toEqual([
      "set-private-key",
      "set-listen-port",
      "add-peer",
      "add-peer",
    ]);
  });
});

describe("an endpoint", () => {
  const [peer] = sample.peers;
  const config: WireGuardConfig = { ...sample, peers: peer === undefined ? [] : [peer] };
  const elsewhere = (handshake: number): WireGuardDump => ({
    ...dumpOf(config),
    peers: dumpOf(config).peers.map((each) => ({
      ...each,
      endpoint: "198.51.100.1:9",
      latestHandshakeSeconds: handshake,
    })),
  });
  const action = { kind: "set-endpoint", publicKey: peer?.publicKey, endpoint: peer?.endpoint };

  test("of a peer that moved is left to WireGuard", () => {
    expect(planChanges(config, elsewhere(1))).toEqual([]);
    expect(planChanges(config, elsewhere(1), config)).toEqual([]);
  });

  test("that never answered gives way to the configured one", () => {
    expect(planChanges(config, elsewhere(0))).toEqual([action]);
  });

  test("that is configured anew is written even though the old one answered", () => {
    const peers = config.peers.map((each) => ({ ...each, endpoint: "192.0.2.99:1" }));
    expect(planChanges(config, elsewhere(1), { ...config, peers })).toEqual([action]);
  });

  test("that is not configured is not touched", () => {
    const peers = config.peers.map(({ publicKey, allowedIps, keepaliveSeconds = 25 }) => ({
      publicKey,
      allowedIps,
      keepaliveSeconds,
    }));
    expect(planChanges({ ...config, peers }, elsewhere(1), config)).toEqual([]);
  });
});

test("many actions become a few commands, none too long for the kernel", () => {
  const actions = Array.from({ length: 4_000 }, (_, index) => ({
    kind: "set-allowed-ips" as const,
    publicKey: publicKeyOf(3),
    allowedIps: [`fd00:77::${index.toString(16)}/128`, `10.99.${index >> 8}.${index % 256}/32`],
  }));
  const commands = renderWgArguments("homie0", actions, "KEYFILE");
  expect(commands.length).toBeLessThan(6);
  expect(commands.flatMap((words) => words.slice(2))).toHaveLength(4 * actions.length);
  for (const words of commands) expect(words.join(" ").length).toBeLessThan(400_000);
});
