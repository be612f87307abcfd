import type { Paint } from "./colours.ts";
import { safeLine } from "./safe-text.ts";
import { stringWidth, truncateToWidth } from "./string-width.ts";

export interface BoxOptions {
  /** Of the terminal; 0 means unknown. */
  readonly columns: number;
  readonly paint: Paint;
}
/** One line in a box: a name with what it is, or a text alone. */
export type BoxRow = readonly [name: string, text: string] | string;

const usualColumns = 80;
const narrowest = 20;

/** More of one row is not worth reading in a frame. */
const linesOfRow = 8;

/** A titled frame as wide as what is in it, at most as wide as the terminal; longer rows go on below. */
export function renderBox(title: string, rows: readonly BoxRow[], { columns, paint }: BoxOptions): string {
  const room = Math.max(narrowest, Math.min(columns === 0 ? usualColumns : columns, 100)) - 4;
  const names = Math.max(0, ...rows.map((row) => (typeof row === "string" ? 0 : stringWidth(safeLine(row[0])))));
  const shown = rows.flatMap((row) => wrap(layOut(row, names), room, indentOf(row, names)));
  const head = truncateToWidth(safeLine(title), room - 2);
  const inner = Math.max(stringWidth(head) + 2, ...shown.map(stringWidth));
  const frame = (text: string): string => paint("dim", text);
  const top = `${frame("╭─")} ${paint("bold", head)} ${frame(`${"─".repeat(inner - stringWidth(head) - 1)}╮`)}`;
  const lines = shown.map((text) => `${frame("│")} ${text}${" ".repeat(inner - stringWidth(text))} ${frame("│")}`);
  return `${[top, ...lines, frame(`╰${"─".repeat(inner + 2)}╯`)].join("\n")}\n`;
}

function layOut(row: BoxRow, names: number): string {
  if (typeof row === "string") return safeLine(row);
  const name = safeLine(row[0]);
  return `${name}${" ".repeat(names - stringWidth(name))}  ${safeLine(row[1])}`;
}

function indentOf(row: BoxRow, names: number): string {
  return " ".repeat(typeof row === "string" ? (/^ */u.exec(row)?.[0].length ?? 0) + 2 : names + 2);
}

/** Breaks at spaces; a word that is too long is cut. */
function wrap(text: string, room: number, indent: string): readonly string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(" ")) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    if (stringWidth(longer) <= room) line = longer;
    else {
      if (line !== undefined && line.trim() !== "") lines.push(line.trimEnd());
      line = `${line === undefined ? "" : indent}${word}`;
    }
  }
  return [...lines, line ?? ""].slice(0, linesOfRow).map((one) => truncateToWidth(one, room));
}

/** The same without a frame: a title, and the rows below it. */
export function renderPlain(title: string, rows: readonly BoxRow[]): string {
  const lines = rows.map((row) => `  ${typeof row === "string" ? safeLine(row) : safeLine(`${row[0]}: ${row[1]}`)}`);
  return `${[safeLine(title), ...lines].join("\n")}\n`;
}
