import { expect, test } from "vitest";
import { coarseFigures } from "../../../src/controllers/peer/coarse.ts";
import { phaseOf } from "../../../src/controllers/peer/phase.ts";
import type { PeerFigures, PeerSight } from "../../../src/controllers/peer/ports.ts";
import { summarizePeer } from "../../../src/controllers/peer/summarize.ts";
import type { Peer } from "../../../src/resources/peer.ts";

const silence = { suspectMs: 10_000, offlineMs: 30_000 };
const proved = { kind: "proved" } as const;
const refused = { kind: "refused", reason: "SecretDiffers", message: "the group secret differs" } as const;

test.each<[string, PeerSight, string]>([
  ["heard just now", { trust: proved, silentMs: 0 }, "Online"],
  ["silent for 9.9 s", { trust: proved, silentMs: 9_900 }, "Online"],
  ["silent for 10 s", { trust: proved, silentMs: 10_000 }, "Suspect"],
  ["silent for 30 s", { trust: proved, silentMs: 30_000 }, "Offline"],
  ["never heard", { trust: { kind: "unmet" } }, "Offline"],
  ["gone with a goodbye", { trust: proved, silentMs: 0, left: true }, "Offline"],
  ["heard, but of another secret", { trust: refused, silentMs: 0 }, "Untrusted"],
  ["G-03: heard, and contradicting itself", { trust: proved, silentMs: 0, contradicts: true }, "Suspect"],
])("a peer that is %s is in the right phase", (_, sight, phase) => {
  expect(phaseOf(sight, silence).phase).toBe(phase);
});

const gibi = 2 ** 30;
const figures: PeerFigures = {
  resources: {
    cpuCount: 8,
    cpuUsedPercent: 10,
    memoryTotal: 16 * gibi,
    memoryFree: 8 * gibi,
    diskFree: 100 * gibi,
    gpus: [],
  },
  jobs: 0,
  rttMs: 1,
};
const moved = (resources: object, rest: object = {}): PeerFigures => ({
  ...figures,
  ...rest,
  resources: { ...figures.resources, ...resources },
});

test.each([
  ["cpu from 10 to 29 %", moved({ cpuUsedPercent: 29 })],
  ["memory by 1.9 GiB of 16", moved({ memoryFree: 6.1 * gibi })],
  ["disk by 6 %", moved({ diskFree: 95 * gibi })],
  ["a round trip from 1 to 5 ms", moved({}, { rttMs: 5 })],
])("%s is not worth a write", (_, now) => {
  expect(coarseFigures(figures, now)).toBe(figures);
});

test.each([
  ["cpu from 10 to 31 %", moved({ cpuUsedPercent: 31 })],
  ["memory by 2.1 GiB of 16", moved({ memoryFree: 5.9 * gibi })],
  ["a job that starts", moved({}, { jobs: 1 })],
  ["a graphics card that appears", moved({ gpus: [{ model: "RTX 4090" }] })],
  ["a round trip from 1 to 40 ms", moved({}, { rttMs: 40 })],
])("%s is", (_, now) => {
  expect(coarseFigures(figures, now)).toBe(now);
});

const peer: Peer = {
  apiVersion: "homie.dev/v1",
  kind: "Peer",
  metadata: { name: "bob", uid: "u", generation: 2, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {},
};

test("a quiet peer's status is equal time after time, so nothing is written", () => {
  const sight: PeerSight = { trust: proved, silentMs: 500, node: "n", name: "bob", version: "1.0.0", figures };
  const path = { kind: "lan", via: "10.0.0.2:5556" } as const;
  const first = summarizePeer(peer, { sight: { ...sight, path }, silence }, new Date(0));
  const later = { ...sight, path, silentMs: 1_900, figures: moved({ cpuUsedPercent: 18 }, { rttMs: 3 }) };
  const second = summarizePeer({ ...peer, status: first.status }, { sight: later, silence }, new Date(60_000));
  expect(second.status).toEqual(first.status);
  expect(second.result.requeueAfterMs).toBe(8_150);
});

test("a refused peer says why, in words and as a condition", () => {
  const { status } = summarizePeer(peer, { sight: { trust: refused }, silence }, new Date(0));
  expect(status).toMatchObject({
    phase: "Untrusted",
    observedGeneration: 2,
    conditions: [
      { type: "Trusted", status: "False", reason: "SecretDiffers", message: "the group secret differs" },
      {},
      {},
    ],
  });
});
