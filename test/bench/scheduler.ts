import { emptyHistory } from "../../src/scheduler/history.ts";
import type { PeerFacts } from "../../src/scheduler/peer-facts.ts";
import { placeJob } from "../../src/scheduler/place-job.ts";
import { placementRequest } from "../../src/scheduler/placement-request.ts";
import { sanitizePeerFacts } from "../../src/scheduler/sanitize-peer-facts.ts";

/**
 * Decisions a second, each with its whole explanation: `node test/bench/scheduler.ts [SECONDS]`. A crew of mixed
 * machines of which a third refuses, one peer in ten for two reasons; every decision is a Job of its own.
 */
const seconds = Number(process.argv[2] ?? 2);
/** Short, so that other work on the machine spoils some windows and not all. */
const windowMs = 50;
const nowMs = Date.parse("2026-11-22T21:00:00Z");
const gibibyte = 2 ** 30;

function peer(index: number): PeerFacts {
  const cores = 4 + (index % 5) * 4;
  // As they come from the wire: texts of JSON.
  const fromWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  return sanitizePeerFacts(
    fromWire({
      platform: "linux/amd64",
      machineCores: cores,
      load: (index * 7) % cores,
      cpu: { total: cores, free: cores - (index % 3) },
      memoryBytes: { total: 16 * gibibyte, free: (index % 6) * 3 * gibibyte + gibibyte },
      diskBytes: { total: 500 * gibibyte, free: (20 + (index % 9) * 40) * gibibyte },
      gpus: index % 4 === 0 ? [{ model: "RTX 3080", memoryBytes: 10 * gibibyte, free: index % 8 === 0 }] : [],
      allow: index % 3 === 0 ? { peers: ["alice", "carol"], images: ["python:*"], networks: ["none"] } : undefined,
      onBattery: index % 11 === 0,
      snoozedUntil: index % 10 === 0 ? "2026-11-22T23:00:00Z" : undefined,
    }),
    fromWire({
      node: `node${String(index).padStart(21, "a")}`,
      name: `peer-${String(index).padStart(4, "0")}`,
      own: index === 0,
      phase: index % 13 === 0 ? "Offline" : "Online",
      silentMs: index % 13 === 0 ? 45_000 : 900,
      compatible: true,
      labels: { os: "linux" },
      cordoned: index % 17 === 0,
      missingBytes: (index % 7) * 50 * 2 ** 20,
      ...(index % 2 === 0 ? { bytesPerSecond: 30e6, rttMs: index % 40 } : {}),
      relayed: index % 19 === 0,
      history: { ...emptyHistory, succeeded: index % 5, failed: index % 2, asOfMs: nowMs - index * 3_600_000 },
    }),
  );
}

function measure(size: number): void {
  const peers = Array.from({ length: size }, (_, index) => peer(index));
  const spec = { image: "python:3.12", script: "train.py", resources: { cpu: 2, memory: "4Gi" } };
  const decide = (number: number): number => {
    const uid = `018f3c5e-7b1a-7000-8000-${String(number).padStart(12, "0")}`;
    const placed = placeJob(placementRequest(spec, { uid, submitter: "alice", image: spec.image }), peers, nowMs);
    return placed.others.length + placed.rejected.length + (placed.chosen === undefined ? 0 : 1);
  };
  let explained = 0;
  let decisions = 0;
  const window = (): number => {
    const [started, before] = [performance.now(), decisions];
    for (; performance.now() < started + windowMs; decisions += 1) explained += decide(decisions);
    return (decisions - before) / ((performance.now() - started) / 1000);
  };
  const warmUp = 10;
  const rates = Array.from({ length: warmUp + (seconds * 1000) / windowMs }, window).slice(warmUp);
  if (explained !== decisions * size) throw new Error(`${explained} explanations for ${decisions} decisions`);
  rates.sort((a, b) => a - b);
  const [median = 0, best = 0] = [rates[rates.length >> 1], rates.at(-1)].map((rate) => Math.round(rate ?? 0));
  console.log(`${size} peers: ${median} decisions/s in the median window of ${windowMs} ms, ${best} in the best`);
}

measure(100);
measure(1000);
