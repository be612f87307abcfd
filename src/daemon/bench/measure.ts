/** One line of the table. `ratio` compares with the baseline measured in the same run. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly baseline: string;
  readonly ratio: string;
  readonly budget: string;
}

export interface Samples {
  readonly p50: number;
  readonly p95: number;
  readonly all: readonly number[];
}

/** Milliseconds of each of `count` runs, one after the other; two runs before them do not count. */
export async function sample(count: number, run: (index: number) => Promise<void>): Promise<Samples> {
  const all: number[] = [];
  for (let index = -2; index < count; index++) {
    const startedMs = performance.now();
    await run(index);
    if (index >= 0) all.push(performance.now() - startedMs);
  }
  return { p50: quantile(all, 0.5), p95: quantile(all, 0.95), all };
}

/** Nearest rank. `values` must not be empty. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

export function renderRows(rows: readonly Row[]): string {
  const titles: Row = {
    what: "what",
    value: "homie",
    baseline: "baseline, same run",
    ratio: "ratio",
    budget: "budget",
  };
  const columns = ["what", "value", "baseline", "ratio", "budget"] as const;
  const lines = [titles, ...rows];
  const widths = columns.map((column) => Math.max(...lines.map((row) => row[column].length)));
  return lines
    .map((row) =>
      columns
        .map((column, index) => row[column].padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Milliseconds above those of the baseline are what counts. */
export function startRow(
  what: string,
  { value, baseline }: { readonly value: number; readonly baseline: number },
  budget: string,
): Row {
  const extra = value - baseline;
  return {
    what,
    value: `${milliseconds(value)} (${extra < 0 ? "" : "+"}${extra.toFixed(0)} ms)`,
    baseline: `docker run --rm: ${milliseconds(baseline)}`,
    ratio: `${(value / baseline).toFixed(2)} x`,
    budget,
  };
}
