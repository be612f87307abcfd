import type { PeerResources } from "../../resources/peer.ts";
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
  return before.jobs === now.jobs && isSameMachine(before, now) && isSameUse(before, now) && isSameTrip(before, now);
}

function isSameMachine({ resources: before }: PeerFigures, { resources: now }: PeerFigures): boolean {
  const models = (resources: PeerResources): string => (resources.gpus ?? []).map(({ model }) => model).join("\n");
  return before.cpuCount === now.cpuCount && before.memoryTotal === now.memoryTotal && models(before) === models(now);
}

function isSameUse({ resources: before }: PeerFigures, { resources: now }: PeerFigures): boolean {
  const disk = Math.max(before.diskFree ?? 0, now.diskFree ?? 0);
  return (
    isWithin(before.cpuUsedPercent, now.cpuUsedPercent, bands.cpu) &&
    isWithin(before.memoryFree, now.memoryFree, (now.memoryTotal ?? 0) * bands.memory) &&
    isWithin(before.diskFree, now.diskFree, disk * bands.disk)
  );
}

function isWithin(before: number | undefined, now: number | undefined, distance: number): boolean {
  return Math.abs((before ?? 0) - (now ?? 0)) <= distance;
}

function isSameTrip({ rttMs: before }: PeerFigures, { rttMs: now }: PeerFigures): boolean {
  if (before === undefined || now === undefined) return before === now;
  const [short, long] = [Math.min(before, now), Math.max(before, now)];
  return long - short <= rtt.leastMs || long <= short * rtt.factor;
}
