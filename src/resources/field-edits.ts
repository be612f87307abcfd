import { isMap, isScalar, isSeq, stringify } from "yaml";
import type {
  CreateNodeOptions,
  Document,
  DocumentOptions,
  Node,
  Pair,
  ParseOptions,
  SchemaOptions,
  ToStringOptions,
  YAMLMap,
} from "yaml";

/** One replacement in a text. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A field of a map somewhere in a text, as it should become. */
export interface FieldChange {
  readonly text: string;
  readonly map: YAMLMap;
  readonly name: string;
  /** undefined takes the field out. */
  readonly value: unknown;
  /** Where lines of a new field go; absent means behind the last field of the map. */
  readonly appendAt?: number;
}
/** One line for each value, no block scalars: a comment that follows can never become part of a text. */
export const blockStyle: DocumentOptions & SchemaOptions & ParseOptions & CreateNodeOptions & ToStringOptions = {
  aliasDuplicateObjects: false,
  blockQuote: false,
  compat: "yaml-1.1",
  doubleQuotedMinMultiLineLength: Infinity,
  lineWidth: 0,
};

type FieldPair = Pair<Node, Node | null>;

/**
 * Ways to make the change, best first; the caller tries them until one leaves all else as it was. Empty: there is no
 * way, or nothing to do.
 */
export function fieldEdits(change: FieldChange): readonly TextEdit[] {
  const pairs = change.map.items as FieldPair[];
  const at = pairs.findIndex((pair) => isScalar(pair.key) && pair.key.value === change.name);
  const pair = pairs[at];
  if (change.map.flow === true) return flowEdits(change, pairs, at);
  if (pair !== undefined) return replaceBlock(change, pair);
  return change.value === undefined ? [] : appendBlock(change, pairs);
}

function replaceBlock({ text, name, value }: FieldChange, pair: FieldPair): readonly TextEdit[] {
  const block = blockOf(text, pair);
  if (block === undefined) return [];
  const { start, end, indent } = block;
  const lastEol = endOfLine(text, end);
  if (value !== undefined)
    return [{ start, end: end - lastEol.length, text: renderBlock(text, indent, { [name]: value }) }];
  // At the end of a text without a last newline, the newline before the block was put there with it.
  const eolBefore = lastEol === "" ? endOfLine(text, start) : "";
  const lines = { start, end, text: "" };
  return eolBefore === "" ? [lines] : [{ ...lines, start: start - eolBefore.length }, lines];
}

/** Whole lines of a field in a block map, the last newline included; undefined when something else shares its lines. */
export function blockOf(text: string, pair: FieldPair): { start: number; end: number; indent: string } | undefined {
  const keyStart = pair.key.range?.[0] ?? -1;
  const start = lineStart(text, keyStart);
  const indent = text.slice(start, keyStart);
  if (!/^ *$/.test(indent)) return undefined;
  const fieldEnd = pairEnd(pair);
  // A block scalar takes its newlines with it.
  if (text[fieldEnd - 1] === "\n") return { start, end: fieldEnd, indent };
  const newline = text.indexOf("\n", fieldEnd);
  const end = newline < 0 ? text.length : newline + 1;
  return /^[ \t]*(?:#[^\n]*)?\r?\n?$/.test(text.slice(fieldEnd, end)) ? { start, end, indent } : undefined;
}

function appendBlock({ text, name, value, appendAt }: FieldChange, pairs: readonly FieldPair[]): readonly TextEdit[] {
  const first = pairs[0];
  const last = pairs.at(-1);
  if (first === undefined || last === undefined) return [];
  const keyStart = first.key.range?.[0] ?? 0;
  // The first field of a list item stands behind a dash, the others below it.
  const indent = " ".repeat(keyStart - lineStart(text, keyStart));
  const block = renderBlock(text, indent, { [name]: value });
  const eol = newlineOf(text);
  const end = appendAt ?? afterComments(text, blockOf(text, last)?.end ?? endOfLineAt(text, pairEnd(last)), indent);
  const needsEol = end > 0 && text[end - 1] !== "\n";
  const atEnd = { start: end, end, text: needsEol ? `${eol}${block}` : `${block}${eol}` };
  // A block scalar that ends without a newline would gain one: then the new field goes before the last one.
  const before = lineStart(text, last.key.range?.[0] ?? 0);
  return [atEnd, { start: before, end: before, text: `${block}${eol}` }];
}

/** Where the document's own lines end: before "...", the next "---" or the end of the text. */
export function documentEnd(text: string, document: Document.Parsed, map: YAMLMap): number {
  const contentEnd = map.range?.[1] ?? document.range[1];
  const rest = text.slice(contentEnd, document.range[2]);
  const marker = /(?:^|\n)(?=\.\.\.(?:\s|$))/.exec(rest);
  return marker === null ? document.range[2] : contentEnd + marker.index + marker[0].length;
}

function renderBlock(text: string, indent: string, fields: Readonly<Record<string, unknown>>): string {
  const lines = stringify(fields, blockStyle).trimEnd().split("\n");
  return lines.map((line) => `${indent}${line}`).join(newlineOf(text));
}

/** JSON and other flow maps: `, "status": {…}` right behind the last field, and out again the same way. */
function flowEdits({ text, name, value }: FieldChange, pairs: readonly FieldPair[], at: number): readonly TextEdit[] {
  const pair = pairs[at];
  if (value === undefined) return pair === undefined ? [] : removeFromFlow(text, pairs, at);
  const json = renderFlow(value);
  if (pair !== undefined) {
    const valueStart = pair.value?.range?.[0];
    return valueStart === undefined || valueStart === pair.value?.range?.[1]
      ? []
      : [{ start: valueStart, end: pairEnd(pair), text: json }];
  }
  const last = pairs.at(-1);
  if (last === undefined) return [];
  const end = pairEnd(last);
  return [{ start: end, end, text: `, ${renderFlow(name)}: ${json}` }];
}

function removeFromFlow(text: string, pairs: readonly FieldPair[], at: number): readonly TextEdit[] {
  const pair = pairs[at];
  const before = pairs[at - 1];
  const after = pairs[at + 1];
  if (pair === undefined) return [];
  const [start, end] =
    before !== undefined
      ? [pairEnd(before), pairEnd(pair)]
      : [pair.key.range?.[0] ?? 0, after?.key.range?.[0] ?? pairEnd(pair)];
  const between = before !== undefined ? text.slice(start, pair.key.range?.[0]) : text.slice(pairEnd(pair), end);
  return /^\s*,?\s*$/.test(between) ? [{ start, end, text: "" }] : [];
}

export function renderFlow(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** End of what a field says: its value, or the colon of an empty one. */
function pairEnd(pair: FieldPair): number {
  const separator = (pair.srcToken?.sep ?? []).findLast(({ type }) => type === "map-value-ind");
  const separatorEnd = separator === undefined ? 0 : separator.offset + 1;
  return Math.max(pair.key.range?.[1] ?? 0, separatorEnd, contentEnd(pair.value));
}

/** The library counts comments behind the last item as part of a block collection; they are not. */
function contentEnd(node: Node | null): number {
  const [start = 0, end = 0] = node?.range ?? [];
  if (isSeq(node) && node.flow !== true) return Math.max(start, contentEnd((node.items.at(-1) ?? null) as Node | null));
  const last = isMap(node) && node.flow !== true ? (node.items as FieldPair[]).at(-1) : undefined;
  return last === undefined ? end : pairEnd(last);
}

export function lineStart(text: string, offset: number): number {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return start === 0 && text.startsWith("\ufeff") ? 1 : start;
}

function endOfLine(text: string, end: number): string {
  if (text[end - 1] !== "\n") return "";
  return text[end - 2] === "\r" ? "\r\n" : "\n";
}

/** Fields that are commented out at the end of a map stay with the field above them. */
function afterComments(text: string, offset: number, indent: string): number {
  let end = offset;
  while (indent !== "" && text.startsWith(indent, end) && /^ *#/.test(text.slice(end, endOfLineAt(text, end))))
    end = endOfLineAt(text, end);
  return end;
}

function endOfLineAt(text: string, offset: number): number {
  const newline = text.indexOf("\n", offset);
  return newline < 0 ? text.length : newline + 1;
}

function newlineOf(text: string): string {
  return endOfLine(text, text.indexOf("\n") + 1) || "\n";
}
