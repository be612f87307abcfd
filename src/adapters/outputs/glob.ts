/**
 * Globs of output rules: `*` and `?` within a name, `**` across directories, `[a-z]`, `{a,b}`; everything else is itself.
 * A glob comes from whoever wrote the job and a name from its program, so matching must not cost more than their lengths
 * multiplied: all ways to match are followed at once (https://swtch.com/~rsc/regexp/regexp1.html), never one after another.
 */
export function compileGlob(glob: string): (path: string) => boolean {
  const states: State[] = [{ type: "accept" }];
  const start = addTokens(states, tokensOf(glob, true), 0);
  return (path) => matches(states, start, path);
}

type State =
  | { readonly type: "accept" }
  /** Takes one character and goes on. */
  | { readonly type: "take"; readonly admits: (character: string) => boolean; readonly next: number }
  /** Goes all ways without taking anything. */
  | { readonly type: "fork"; readonly ways: number[] };

type Token =
  | { readonly type: "one"; readonly admits: (character: string) => boolean }
  | { readonly type: "run"; readonly admits: (character: string) => boolean }
  /** Zero or more whole directories with their slashes. */
  | { readonly type: "directories" }
  | { readonly type: "either"; readonly choices: readonly (readonly Token[])[] };

const anything = (): boolean => true;
const inName = (character: string): boolean => character !== "/";
const isSlash = (character: string): boolean => character === "/";

/** `atStart`: a directory begins where the text begins. */
function tokensOf(text: string, atStart: boolean): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const isBoundary = at === 0 ? atStart : text[at - 1] === "/";
    const { token, length } = tokenAt(text, at, isBoundary);
    tokens.push(token);
    at += length;
  }
  return tokens;
}

interface Found {
  readonly token: Token;
  readonly length: number;
}

function tokenAt(text: string, at: number, isBoundary: boolean): Found {
  const rest = text.slice(at);
  if (isBoundary && rest.startsWith("**/")) return { token: { type: "directories" }, length: 3 };
  if (isBoundary && rest === "**") return { token: { type: "run", admits: anything }, length: 2 };
  const stars = /^\*+/.exec(rest)?.[0].length;
  if (stars !== undefined) return { token: { type: "run", admits: inName }, length: stars };
  if (rest.startsWith("?")) return { token: { type: "one", admits: inName }, length: 1 };
  return classAt(rest) ?? choiceAt(rest, isBoundary) ?? literalAt(rest);
}

function literalAt(rest: string): Found {
  const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  return { token: { type: "one", admits: (found) => found === character }, length: character.length };
}

/** `[abc]`, `[a-z]`, `[!a]`, `[^a]`; a `]` that comes first is one of the characters. Never a slash. */
function classAt(rest: string): Found | undefined {
  const [whole, negation, body] = /^\[([!^]?)(\]?[^\]/]*)\]/u.exec(rest) ?? [];
  if (whole === undefined || body === undefined || body === "") return undefined;
  const ranges = [...body.matchAll(/(.)-(.)|(.)/gsu)].map(([, from, to, one]) => [from ?? one ?? "", to ?? one ?? ""]);
  const isListed = (character: string): boolean =>
    ranges.some(([from = "", to = ""]) => codeOf(from) <= codeOf(character) && codeOf(character) <= codeOf(to));
  const admits = (character: string): boolean => inName(character) && isListed(character) === (negation === "");
  return { token: { type: "one", admits }, length: whole.length };
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/** Braces with a comma; others are themselves. Braces in braces are refused where a Job is read. */
function choiceAt(rest: string, isBoundary: boolean): Found | undefined {
  const [whole, body] = /^\{([^{}]*,[^{}]*)\}/u.exec(rest) ?? [];
  if (whole === undefined || body === undefined) return undefined;
  const choices = body.split(",").map((choice) => tokensOf(choice, isBoundary));
  return { token: { type: "either", choices }, length: whole.length };
}

/** Adds the states for tokens in front of `next` and answers where they begin. */
function addTokens(states: State[], tokens: readonly Token[], next: number): number {
  return tokens.reduceRight((after, token) => addToken(states, token, after), next);
}

function addToken(states: State[], token: Token, next: number): number {
  switch (token.type) {
    case "one":
      return add(states, { type: "take", admits: token.admits, next });
    case "run":
      return addRun(states, token.admits, next);
    case "directories": {
      const slash = add(states, { type: "take", admits: isSlash, next });
      return add(states, { type: "fork", ways: [next, addRun(states, anything, slash)] });
    }
    case "either":
      return add(states, { type: "fork", ways: token.choices.map((choice) => addTokens(states, choice, next)) });
  }
}

function addRun(states: State[], admits: (character: string) => boolean, next: number): number {
  const ways = [next];
  const fork = add(states, { type: "fork", ways });
  ways.push(add(states, { type: "take", admits, next: fork }));
  return fork;
}

function add(states: State[], state: State): number {
  return states.push(state) - 1;
}

function matches(states: readonly State[], start: number, path: string): boolean {
  let reached = expand(states, [start]);
  for (const character of path) {
    const taken: number[] = [];
    for (const id of reached) {
      const state = states[id];
      if (state?.type === "take" && state.admits(character)) taken.push(state.next);
    }
    if (taken.length === 0) return false;
    reached = expand(states, taken);
  }
  return reached.has(0);
}

/** Everything that can be reached without taking a character. */
function expand(states: readonly State[], from: readonly number[]): ReadonlySet<number> {
  const reached = new Set<number>();
  for (const pending = [...from]; pending.length > 0;) {
    const id = pending.pop() ?? 0;
    if (reached.has(id)) continue;
    reached.add(id);
    const state = states[id];
    if (state?.type === "fork") pending.push(...state.ways);
  }
  return reached;
}
