import { isUtf8 } from "node:buffer";
import { Composer, Lexer, Parser } from "yaml";
import type { CST, Document } from "yaml";

/** More is refused before it is looked at: a resource is a page of text, not a data set. */
export const maxFileBytes: number = 1024 * 1024;
export const maxDocuments = 100;
export const maxDepth = 64;
/** Words, marks and spaces as the lexer counts them: a long Job has about 1,000. Bounds the time one file can take. */
export const maxLexemes = 50_000;

/** Why a text was refused as a whole, and where. */
export interface TextRefusal {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}
export type DecodedText =
  | { readonly ok: true; readonly text: string }
  | ({ readonly ok: false; readonly text: string } & TextRefusal);
export type YamlReading =
  | { readonly ok: true; readonly documents: readonly Document.Parsed[] }
  | ({ readonly ok: false; readonly document: number } & TextRefusal);

/** Bytes as text: UTF-8 with or without a byte order mark, and nothing else. */
export function decodeText(input: string | Uint8Array): DecodedText {
  const size = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (size > maxFileBytes) {
    return { ok: false, text: "", offset: 0, message: `the file is too large: ${size} bytes, at most ${maxFileBytes}` };
  }
  const hint = "save the file as UTF-8";
  if (typeof input !== "string") {
    const encoding = foreignEncoding(input);
    if (encoding !== undefined)
      return { ok: false, text: "", offset: 0, message: `the file is ${encoding}, not UTF-8`, hint };
  }
  const text = typeof input === "string" ? input : new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    return {
      ok: false,
      text,
      offset: nul,
      message: "the file has a NUL character in it",
      hint: "it may be left over from a crash; restore it",
    };
  }
  const surrogate = text.isWellFormed() ? -1 : text.search(/\p{Surrogate}/u);
  if (surrogate >= 0)
    return {
      ok: false,
      text,
      offset: surrogate,
      message: "the text has half of a character (a lone surrogate) in it",
      hint,
    };
  if (typeof input !== "string" && !isUtf8(input)) {
    const offset = Math.max(0, text.indexOf("\ufffd"));
    return {
      ok: false,
      text,
      offset,
      message: "the file is not valid UTF-8; it looks like Latin-1 or Windows-1252",
      hint,
    };
  }
  return { ok: true, text };
}

/** What the first four bytes, as hex, say about an encoding that is not UTF-8. */
const encodingMarks: readonly (readonly [pattern: RegExp, encoding: string])[] = [
  [/^(?:fffe0000|0000feff)/, "UTF-32"],
  [/^(?:fffe|feff)/, "UTF-16"],
  // Plain letters without a mark: a zero in every second byte.
  [/^(?:00(?!00)..00(?!00)..|(?!00)..00(?!00)..00)$/, "UTF-16"],
];

function foreignEncoding(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  return encodingMarks.find(([pattern]) => pattern.test(start))?.[1];
}

/** For whoever composes a document of ours: YAML 1.2 core, and nothing that costs more than the text is long. */
const composeOptions = {
  version: "1.2",
  schema: "core",
  merge: false,
  resolveKnownTags: false, // no !!binary, !!set, !!timestamp
  stringKeys: true,
  uniqueKeys: false, // the library compares each key with each other; refusals.ts does it with a set
  prettyErrors: false,
  keepSourceTokens: true,
  logLevel: "error",
} as const;

/**
 * Splits a text into composed documents. Depth and number of documents are counted while the tokens come in, before
 * anything recurses into them.
 */
export function readYaml(text: string): YamlReading {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let documents = 0;
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      if (token.type === "document") documents += 1;
      tokens.push(token);
    }
    if (parser.stack.length > maxDepth) {
      return {
        ok: false,
        document: documents,
        offset: parser.offset,
        message: `nested deeper than ${maxDepth} levels`,
      };
    }
    lexemes += 1;
    if (lexemes > maxLexemes) {
      return {
        ok: false,
        document: documents,
        offset: parser.offset,
        message: `more than ${maxLexemes} words and marks in one file`,
        hint: "split it",
      };
    }
    if (documents > maxDocuments) {
      return {
        ok: false,
        document: documents,
        offset: parser.offset,
        message: `more than ${maxDocuments} documents in one file`,
      };
    }
  }
  tokens.push(...parser.end());
  return { ok: true, documents: [...new Composer(composeOptions).compose(tokens)] };
}

/** Line and column of an offset, both from 1. */
export function positionFinder(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
