import { createSocket } from "node:dgram";
import { expect, test } from "vitest";
import { openBeaconSocket, type BeaconSocket } from "../../../src/adapters/udp/beacon-socket.ts";
import { beaconBytes, sealBeacon } from "../../../src/trust/beacon.ts";
import { deriveGroupKeys, type KeyRing } from "../../../src/trust/group-secret.ts";
import { machine, type Machine } from "../../trust/membership/kit.ts";

const keys: KeyRing = { ...deriveGroupKeys("correct horse"), earlier: [deriveGroupKeys("last year's horse")] };
const { beacon: key } = keys;
const [own, friend, mal] = [machine("own"), machine("friend"), machine("mal")];

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

test("A2, G-01, G-02: only a new beacon of another member is a hint; replays, forgeries, junk and our own change nothing", async () => {
  const port = await freePort();
  const hints: string[] = [];
  const logged: string[] = [];
  const quiet = (message: string): void => void logged.push(message);
  const ear: BeaconSocket = await openBeaconSocket({
    ...{ port, keys, identityKey: own.identityKey },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    onBeacon: ({ boot, seq, port: at }, address) => void hints.push(`${address}:${at} ${boot}/${seq}`),
  });
  const mouth = createSocket("udp4");
  const say = (datagram: Uint8Array): Promise<void> =>
    new Promise((resolve) => mouth.send(datagram, port, "127.0.0.1", () => resolve()));
  const beacon = ({ identityKey }: Machine, boot: number, seq: number, under = key): Buffer =>
    sealBeacon(under, { port: 5556, boot, seq }, identityKey, Buffer.alloc(12, seq));
  const first = beacon(friend, 5, 2);
  await say(first);
  await say(first);
  await say(beacon(friend, 5, 1));
  await say(beacon(friend, 4, 9));
  await say(beacon(own, 9, 9));
  await say(beacon(friend, 6, 1, deriveGroupKeys("another").beacon));
  for (const length of [0, 1, beaconBytes, 65_507]) await say(Buffer.alloc(length, 1));
  // Another one from the future makes nobody but itself old.
  await say(beacon(mal, 2 ** 48 - 1, 1));
  await say(beacon(friend, 6, 1));
  await say(beacon(friend, 6, 2, keys.earlier?.[0]?.beacon));
  await expect
    .poll(() => hints)
    .toEqual([
      ...["127.0.0.1:5556 5/2", `127.0.0.1:5556 ${2 ** 48 - 1}/1`],
      ...["127.0.0.1:5556 6/1", "127.0.0.1:5556 6/2"],
    ]);
  expect(logged).toEqual([]);
  expect(ear.dropped()).toBe(5);
  mouth.close();
  await ear.close();
});
