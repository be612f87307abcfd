import type { LiveRecord } from "../trust/record.ts";

/**
 * True when others may act differently for it: passed on at once. Figures that move all the time (use, free memory, jobs)
 * are not; they travel with the next refresh.
 */
export function isNews(before: LiveRecord | undefined, now: LiveRecord): boolean {
  return before === undefined || lastingFacts(before) !== lastingFacts(now);
}

function lastingFacts(record: LiveRecord): string {
  const { name, version, boot, endpoints, cpuCount, memoryTotal, allocatable, lends, tunnel } = record;
  const gpus = record.gpus.map((gpu) => [gpu.model, gpu.memoryTotal]);
  const { cpu, memory, disk, gpus: cards, jobs } = allocatable;
  const capacity = [cpuCount, memoryTotal, gpus, cpu, memory, disk, cards, jobs];
  // That it snoozes is news; how much longer is another number in each record, and GPUs come and go as cpu does.
  const snoozedForMs = lends?.["snoozedForMs"] !== undefined;
  const terms = lends === undefined ? [] : [{ ...lends, snoozedForMs, gpus: undefined }];
  return JSON.stringify([name, version, boot, endpoints, capacity, terms, tunnel]);
}

const least = { refreshMs: 15_000, perMemberMs: 2_000 };

/** How often a machine tells figures that moved: the larger the crew the rarer, so that all of it stays one every 2 s. */
export function refreshMs(members: number): number {
  return Math.max(least.refreshMs, members * least.perMemberMs);
}
