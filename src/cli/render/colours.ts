export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";
export type Paint = (colour: Colour, text: string) => string;

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export const plain: Paint = (_colour, text) => text;
const ansi: Paint = (colour, text) => `\u001B[${codes[colour][0]}m${text}\u001B[${codes[colour][1]}m`;

/** Colours only on a terminal that understands them, and never with NO_COLOR (https://no-color.org). */
export function choosePaint(isTty: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return isTty && !refused ? ansi : plain;
}

const cellColours: Readonly<Record<string, Colour>> = {
  Succeeded: "green",
  Online: "green",
  Failed: "red",
  Cancelled: "yellow",
  Unknown: "yellow",
  Suspect: "yellow",
  Offline: "red",
  Running: "cyan",
  Collecting: "cyan",
  Staging: "cyan",
  Warning: "yellow",
};

export function paintCell(text: string, paint: Paint): string {
  const word = text.trimEnd();
  const colour = cellColours[word];
  return colour === undefined ? text : paint(colour, word) + text.slice(word.length);
}
