import type { PeerFigures } from "./ports.ts";

/** How far a figure may move from what was published, as a share of `whole`, before it is published again. */
const bands = { cpu: 20, memory: 1 / 8, disk: 1 / 16 };
/** A round trip counts as another only when it is so many times longer or shorter, and not within a few milliseconds. */
const rtt = { factor: 4, leastMs: 5 };

/** The figures to publish: those of before while the real ones are near them, so that a quiet peer is never written. */
export function coarseFigures(before: PeerFigures | undefined, now: PeerFigures): PeerFigures {
  return before !== undefined && isNear(before, now) ? before : now;
}

function isNear(before: PeerFigures, now: PeerFigures): boolean {
  const [old, fresh] = [before.resources, now.resources];
  const memory = fresh.memoryTotal ?? 0;
  return (
    before.jobs === now.jobs &&
    old.cpuCount === fresh.cpuCount &&
    old.memoryTotal === fresh.memoryTotal &&
    old.gpus?.length === fresh.gpus?.length &&
    (old.gpus ?? []).every((gpu, index) => gpu.model === fresh.gpus?.[index]?.model) &&
    isWithin(old.cpuUsedPercent, fresh.cpuUsedPercent, bands.cpu) &&
    isWithin(old.memoryFree, fresh.memoryFree, memory * bands.memory) &&
    isWithin(old.diskFree, fresh.diskFree, Math.max(old.diskFree ?? 0, fresh.diskFree ?? 0) * bands.disk) &&
    isSameTrip(before.rttMs, now.rttMs)
  );
}

function isWithin(before: number | undefined, now: number | undefined, distance: number): boolean {
  return Math.abs((before ?? 0) - (now ?? 0)) <= distance;
}

function isSameTrip(before: number | undefined, now: number | undefined): boolean {
  if (before === undefined || now === undefined) return before === now;
  const [short, long] = [Math.min(before, now), Math.max(before, now)];
  return long - short <= rtt.leastMs || long <= short * rtt.factor;
}
