import { fieldIssue } from "./field-issue.ts";
import type { FieldIssue } from "./field-issue.ts";
import { byteUnitsTable, cpuUnitsTable, formatBytes, parseBytes, parseCpu } from "./quantities.ts";
import { showValue } from "./show-value.ts";
import type { Segments } from "./show-value.ts";

const mebibyte = 2 ** 20;
const tebibyte = 2 ** 40;
/** Bytes. Docker refuses to start a container with less than 6 MiB. */
const smallest = { memory: 6 * mebibyte, disk: mebibyte, size: 1 } as const;
const largestBytes = 4096 * tebibyte;
const cpuRange = { smallest: 0.01, largest: 1024 } as const;

/** Checks a quantity by what it comes to; an absent one is fine. */
export function quantityIssues(
  segments: Segments,
  sort: "cpu" | "memory" | "disk" | "size",
  quantity: unknown,
): FieldIssue[] {
  if (quantity === undefined) return [];
  return sort === "cpu" ? cpuIssues(segments, quantity) : byteIssues(segments, smallest[sort], quantity);
}

function cpuIssues(segments: Segments, quantity: unknown): FieldIssue[] {
  const cores = parseCpu(quantity);
  if (cores === undefined)
    return [fieldIssue(segments, `${showValue(quantity)} is not a number of cores`, cpuUnitsTable)];
  if (cores >= cpuRange.smallest && cores <= cpuRange.largest) return [];
  return [fieldIssue(segments, `must be 0.01 to 1024 cores, found ${showValue(quantity)}`, cpuUnitsTable)];
}

function byteIssues(segments: Segments, least: number, quantity: unknown): FieldIssue[] {
  const bytes = parseBytes(quantity);
  if (bytes === undefined) return [fieldIssue(segments, `${showValue(quantity)} is not a size`, byteUnitsTable)];
  if (bytes >= least && bytes <= largestBytes) return [];
  const range = `${formatBytes(least)} to ${formatBytes(largestBytes)}`;
  return [fieldIssue(segments, `must be ${range}, found ${showValue(quantity)}`, byteUnitsTable)];
}
