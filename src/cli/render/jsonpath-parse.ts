import { HomieError } from "../../resources/errors.ts";

/** What kubectl's `-o jsonpath=` understands, less unions of filters: https://kubernetes.io/docs/reference/kubectl/jsonpath/ */
export type TemplateNode =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "path"; readonly steps: readonly PathStep[] }
  | { readonly type: "range"; readonly steps: readonly PathStep[]; readonly body: readonly TemplateNode[] };

export type PathStep =
  | { readonly type: "root" }
  | { readonly type: "fields"; readonly names: readonly string[] }
  | { readonly type: "indexes"; readonly indexes: readonly number[] }
  | { readonly type: "slice"; readonly from?: number; readonly to?: number; readonly step: number }
  | { readonly type: "all" }
  | { readonly type: "descend" }
  | {
      readonly type: "filter";
      readonly left: Operand;
      readonly comparison?: { readonly operator: string; readonly right: Operand };
    };

export type Operand = { readonly steps: readonly PathStep[] } | { readonly literal: string | number | boolean | null };

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

function wrong(template: string, at: number, what: string): HomieError {
  return new HomieError("Usage", `cannot read jsonpath ${JSON.stringify(template)} at character ${at + 1}: ${what}`, {
    hint: `for example -o jsonpath='{.status.phase}' or '{range .items[*]}{.metadata.name}{"\\n"}{end}'`,
  });
}

/** Throws HomieError Usage. A bare `.a.b` or `a.b` is read as `{.a.b}`, as kubectl does. */
export function parseTemplate(template: string): readonly TemplateNode[] {
  const text = template.includes("{") ? template : `{${/^[.[$@]/u.test(template) ? "" : "."}${template}}`;
  const open: OpenRange[] = [{ steps: [], nodes: [] }];
  let at = 0;
  while (at < text.length) {
    const brace = text.indexOf("{", at);
    if (brace !== at) open.at(-1)?.nodes.push({ type: "text", text: text.slice(at, brace === -1 ? undefined : brace) });
    if (brace === -1) break;
    const cursor: Cursor = { text, at: brace + 1 };
    skipSpace(cursor);
    parseBraces(cursor, open);
    skipSpace(cursor);
    expect(cursor, "}");
    at = cursor.at;
  }
  if (open.length > 1) throw wrong(text, text.length, "{range} without {end}");
  return open[0]?.nodes ?? [];
}

/** The template itself, or a {range} whose {end} has not come yet. */
interface OpenRange {
  readonly steps: readonly PathStep[];
  readonly nodes: TemplateNode[];
}

function parseBraces(cursor: Cursor, open: OpenRange[]): void {
  if (takeWord(cursor, "range")) {
    open.push({ steps: parsePath(cursor), nodes: [] });
    return;
  }
  if (takeWord(cursor, "end")) {
    const range = open.length > 1 ? open.pop() : undefined;
    if (range === undefined) throw wrong(cursor.text, cursor.at, "{end} without {range}");
    open.at(-1)?.nodes.push({ type: "range", steps: range.steps, body: range.nodes });
    return;
  }
  const isQuoted = /["']/u.test(cursor.text[cursor.at] ?? "");
  open
    .at(-1)
    ?.nodes.push(isQuoted ? { type: "text", text: parseQuoted(cursor) } : { type: "path", steps: parsePath(cursor) });
}

interface Cursor {
  readonly text: string;
  at: number;
}

function skipSpace(cursor: Cursor): void {
  while (/\s/u.test(cursor.text[cursor.at] ?? "")) cursor.at += 1;
}

function expect(cursor: Cursor, token: string): void {
  if (!cursor.text.startsWith(token, cursor.at)) {
    const found = cursor.text[cursor.at];
    throw wrong(
      cursor.text,
      cursor.at,
      `expected ${JSON.stringify(token)}, found ${found === undefined ? "the end" : JSON.stringify(found)}`,
    );
  }
  cursor.at += token.length;
}

function takeWord(cursor: Cursor, word: string): boolean {
  const next = cursor.text[cursor.at + word.length] ?? "";
  if (!cursor.text.startsWith(word, cursor.at) || /[\w.]/u.test(next)) return false;
  cursor.at += word.length;
  skipSpace(cursor);
  return true;
}

function take(cursor: Cursor, pattern: RegExp): string | undefined {
  const found = pattern.exec(cursor.text.slice(cursor.at, cursor.at + 1000))?.[0];
  if (found !== undefined) cursor.at += found.length;
  return found;
}

function parseQuoted(cursor: Cursor): string {
  const quote = cursor.text[cursor.at];
  let content = "";
  for (cursor.at += 1; cursor.at < cursor.text.length; cursor.at += 1) {
    const character = cursor.text[cursor.at] ?? "";
    if (character === quote) {
      cursor.at += 1;
      return content;
    }
    if (character === "\\") {
      cursor.at += 1;
      const escaped = cursor.text[cursor.at] ?? "";
      content += escapes[escaped] ?? escaped;
    } else content += character;
  }
  throw wrong(cursor.text, cursor.at, "a quote is not closed");
}

function parsePath(cursor: Cursor): readonly PathStep[] {
  const steps: PathStep[] = [];
  const start = cursor.at;
  const root = take(cursor, /^[$@]/u);
  if (root === "$") steps.push({ type: "root" });
  for (;;) {
    if (take(cursor, /^\.\./u) !== undefined) {
      steps.push({ type: "descend" });
      steps.push(parseFieldName(cursor));
    } else if (take(cursor, /^\.(?=\[)/u) !== undefined || cursor.text[cursor.at] === "[")
      steps.push(parseBracket(cursor));
    else if (take(cursor, /^\./u) !== undefined) {
      if (/[\s})=!<>]/u.test(cursor.text[cursor.at] ?? "}") && steps.length === 0) break; // "{.}" is the object itself
      steps.push(parseFieldName(cursor));
    } else break;
  }
  if (cursor.at === start)
    throw wrong(cursor.text, cursor.at, "expected a path such as .metadata.name or a quoted text");
  return steps;
}

function parseFieldName(cursor: Cursor): PathStep {
  if (take(cursor, /^\*/u) !== undefined) return { type: "all" };
  if (cursor.text[cursor.at] === "[") return parseBracket(cursor);
  const name = take(cursor, /^(?:\\.|[^\s.[\]{}()=!<>"',|])+/u);
  if (name === undefined) throw wrong(cursor.text, cursor.at, "expected a field name");
  return { type: "fields", names: [name.replace(/\\(.)/gu, "$1")] };
}

function parseBracket(cursor: Cursor): PathStep {
  expect(cursor, "[");
  skipSpace(cursor);
  const step = parseSubscript(cursor);
  skipSpace(cursor);
  expect(cursor, "]");
  return step;
}

function parseSubscript(cursor: Cursor): PathStep {
  if (take(cursor, /^\*/u) !== undefined) return { type: "all" };
  if (take(cursor, /^\?\(/u) !== undefined) return parseFilter(cursor);
  if (/["']/u.test(cursor.text[cursor.at] ?? "")) return { type: "fields", names: parseSeparated(cursor, parseQuoted) };
  const slice = take(cursor, /^-?\d*:-?\d*(?::\d+)?(?=\s*\])/u);
  if (slice !== undefined) return readSlice(slice);
  return { type: "indexes", indexes: parseSeparated(cursor, parseIndex) };
}

function readSlice(text: string): PathStep {
  const [from = "", to = "", step = "1"] = text.split(":");
  return {
    type: "slice",
    step: Math.max(1, Number(step)),
    ...(from === "" ? {} : { from: Number(from) }),
    ...(to === "" ? {} : { to: Number(to) }),
  };
}

function parseSeparated<T>(cursor: Cursor, parseOne: (cursor: Cursor) => T): readonly T[] {
  const found = [parseOne(cursor)];
  while (take(cursor, /^\s*,\s*/u) !== undefined) found.push(parseOne(cursor));
  return found;
}

function parseIndex(cursor: Cursor): number {
  const digits = take(cursor, /^-?\d+/u);
  if (digits === undefined) throw wrong(cursor.text, cursor.at, 'expected [0], [*], ["name"], [0:2] or [?(@.x=="y")]');
  return Number(digits);
}

function parseFilter(cursor: Cursor): PathStep {
  skipSpace(cursor);
  const left = parseOperand(cursor);
  skipSpace(cursor);
  const operator = take(cursor, /^(?:==|!=|<=|>=|<|>)/u);
  skipSpace(cursor);
  const comparison = operator === undefined ? undefined : { operator, right: parseOperand(cursor) };
  skipSpace(cursor);
  expect(cursor, ")");
  return comparison === undefined ? { type: "filter", left } : { type: "filter", left, comparison };
}

function parseOperand(cursor: Cursor): Operand {
  if (/["']/u.test(cursor.text[cursor.at] ?? "")) return { literal: parseQuoted(cursor) };
  const word = take(cursor, /^(?:-?\d+(?:\.\d+)?|true|false|null)(?![\w.])/u);
  if (word !== undefined) return { literal: JSON.parse(word) as number | boolean | null };
  return { steps: parsePath(cursor) };
}
