import { paintCell, plain } from "./colours.ts";
import type { Paint } from "./colours.ts";
import { safeLine } from "./safe-text.ts";
import { stringWidth, truncateToWidth } from "./string-width.ts";

export interface TableOptions {
  readonly headers?: boolean;
  /** Lines are cut to this many columns; absent or 0 means never (pipes, unknown terminals). */
  readonly maxWidth?: number;
  readonly paint?: Paint;
  /** Widths of a table already on the screen, so that later rows line up with it. */
  readonly widths?: readonly number[];
}

const gap = 3;
const narrowest = 6;

/** Columns as kubectl prints them: left-aligned, upper-case headers, three spaces between, no boxes. */
export function renderTable(
  headers: readonly string[],
  rows: readonly (readonly unknown[])[],
  options: TableOptions = {},
): string {
  const head = headers.map((name) => safeLine(name).toUpperCase());
  const body = rows.map((row) => head.map((_, column) => renderCell(row[column])));
  const shown = options.headers === false ? body : [head, ...body];
  const widths = fitWidths(measureColumns(shown, options.widths), options.maxWidth ?? 0);
  const paint = options.paint ?? plain;
  return shown
    .map(
      (cells, index) =>
        `${renderLine(cells, widths, (text) => (cells === head && index === 0 ? paint("bold", text) : paintCell(text, paint)))}\n`,
    )
    .join("");
}

/** The widths `renderTable` would give the columns before it cuts them. */
export function measureTable(headers: readonly string[], rows: readonly (readonly unknown[])[]): readonly number[] {
  const head = headers.map((name) => safeLine(name).toUpperCase());
  return measureColumns([head, ...rows.map((row) => head.map((_, column) => renderCell(row[column])))], undefined);
}

export function renderCell(value: unknown): string {
  if (value === undefined || value === null || value === "") return "<none>";
  if (typeof value === "string") return safeLine(value) || "<none>";
  return safeLine(typeof value === "object" ? JSON.stringify(value) : String(value as number | boolean));
}

function measureColumns(rows: readonly (readonly string[])[], atLeast: readonly number[] | undefined): number[] {
  const widths = [...(atLeast ?? [])];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
  }
  return widths;
}

/** Takes columns from the widest until the line fits; a very narrow terminal gets the narrowest columns, then a cut. */
function fitWidths(widths: readonly number[], maxWidth: number): readonly number[] {
  const fitted = [...widths];
  if (maxWidth <= 0) return fitted;
  let excess = fitted.reduce((sum, width) => sum + width + gap, -gap) - maxWidth;
  while (excess > 0) {
    const widest = Math.max(...fitted);
    if (widest <= narrowest) break;
    const second = Math.max(narrowest, ...fitted.filter((width) => width < widest));
    const column = fitted.lastIndexOf(widest);
    const take = Math.min(excess, Math.max(1, widest - second));
    fitted[column] = widest - take;
    excess -= take;
  }
  return fitted;
}

function renderLine(cells: readonly string[], widths: readonly number[], paintText: (text: string) => string): string {
  const last = cells.length - 1;
  return cells
    .map((cell, column) => {
      const width = widths[column] ?? 0;
      const text = truncateToWidth(cell, width);
      return paintText(text) + (column === last ? "" : " ".repeat(width - stringWidth(text) + gap));
    })
    .join("")
    .trimEnd();
}
