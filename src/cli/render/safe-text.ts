/**
 * The one path for text that comes from objects, peers and jobs to a terminal. Escape sequences are dropped whole;
 * other control characters, bidirectional overrides and invisible characters go too, so nothing printed can move the
 * cursor, recolour, retitle, write the clipboard, or show a name other than the one stored.
 */

// Unterminated string sequences (OSC, DCS, PM, APC, SOS) end at the line, or a job could swallow its own later output.
const escapeSequence =
  // oxlint-disable-next-line no-control-regex
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]?|(?:\u001B[\]PX^_]|[\u0090\u0098\u009D-\u009F])[^\u0007\u001B\u009C\n]*(?:\u0007|\u001B\\|\u009C)?|\u001B[ -/]*[0-~]?/gu;

// Bidi controls, zero-width and other format characters, line and paragraph separators, tags, lone surrogates.
const invisible =
  /[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\u{E0000}-\u{E0FFF}\p{Cs}]/gu;

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/gu;

// oxlint-disable-next-line no-control-regex
const plainAscii = /^[\u0020-\u007E]*$/u;

/** For many lines: keeps line breaks and tabs; a lone carriage return becomes a line break, so nothing is overwritten. */
export function safeBlock(text: string): string {
  if (plainAscii.test(text)) return text;
  return text.replace(escapeSequence, "").replace(/\r\n?/gu, "\n").replace(controls, "").replace(invisible, "");
}

/** For one table cell or one sentence: as `safeBlock`, with line breaks and tabs as single spaces. */
export function safeLine(text: string): string {
  if (plainAscii.test(text)) return text;
  return safeBlock(text).replace(/[\n\t]+/gu, " ");
}

/** Longest sentence of an error: a path may be 4096 bytes long, and whoever wrote more knows what it was. */
const maxSentence = 1200;

/** For an error, which repeats what somebody wrote: as `safeLine`, with the middle of a long one left out. */
export function shortLine(text: string): string {
  const line = safeLine(text);
  if (line.length <= maxSentence) return line;
  const kept = maxSentence / 2;
  return `${line.slice(0, kept)}…${line.slice(-kept)}`.toWellFormed();
}

// oxlint-disable-next-line no-control-regex
const hiddenInMarkup =
  /[\u007F-\u009F]|[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\u{E0000}-\u{E0FFF}]/gu;

/** Writes the same characters as `\uXXXX`, which JSON and double-quoted YAML read back: safe to look at, nothing lost. */
export function escapeHidden(markup: string): string {
  if (plainAscii.test(markup)) return markup;
  return markup.replace(hiddenInMarkup, (found) =>
    [...Array(found.length).keys()]
      .map((index) => `\\u${found.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** True if `escapeHidden` would change it. */
export function hasHidden(text: string): boolean {
  return !plainAscii.test(text) && text.search(hiddenInMarkup) !== -1;
}

/** An escape sequence, or half a line break, that may go on in the next chunk; bounded, so that no stream is kept whole. */
const unfinished =
  // oxlint-disable-next-line no-control-regex
  /(?:\r|(?:\u001B\[|\u009B)[0-?]{0,64}[ -/]{0,8}|\u001B[ -/]{0,8}|(?:\u001B[\]PX^_]|[\u0090\u0098\u009D-\u009F])[^\u0007\u001B\u009C\n]{0,4096}\u001B?)$/u;

/** Makes a byte stream inert piece by piece; characters and sequences may be cut anywhere. */
export interface InertDecoder {
  push(bytes: Uint8Array): string;
  end(): string;
}

export function createInertDecoder(): InertDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let carry = "";
  const take = (text: string): string => {
    const whole = carry + text;
    carry = unfinished.exec(whole)?.[0] ?? "";
    return safeBlock(carry === "" ? whole : whole.slice(0, -carry.length));
  };
  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => {
      const rest = safeBlock(carry + decoder.decode());
      carry = "";
      return rest;
    },
  };
}
