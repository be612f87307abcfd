import { stringWidth } from "./string-width.ts";

const narrowest = 20;

/** Lines of at most so many columns, broken at spaces; a longer word keeps a line of its own. 0 or less: never broken. */
export function wrapText(text: string, columns: number): readonly string[] {
  const room = columns <= 0 ? Number.POSITIVE_INFINITY : Math.max(columns, narrowest);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/u).filter((part) => part !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && stringWidth(longer) > room) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === "" ? lines : [...lines, line];
}

/** A label and what follows it, whose further lines begin below its first. */
export function wrapAfter(label: string, text: string, columns: number): string {
  const width = stringWidth(label);
  const lines = wrapText(text, columns <= 0 ? 0 : columns - width);
  return lines.map((line, index) => `${index === 0 ? label : " ".repeat(width)}${line}\n`).join("");
}
