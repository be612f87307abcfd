import { jobText } from "../../resources/samples.ts";

/** What must become of the Job "x", which is in force, when its file gets this content. */
export type YamlOutcome =
  /** The good version stays; the first problem reads `line:column field: message; hint` and matches. */
  | { readonly refused: RegExp }
  /** The new spec is in force. */
  | { readonly taken: Readonly<Record<string, unknown>> };

export interface YamlCase {
  readonly id: `Y-${string}`;
  /** "a NUL byte": what is in the file. */
  readonly title: string;
  /** A function for what is large, so that it is made only when its turn comes. */
  readonly content: string | Uint8Array | (() => string | Uint8Array);
  readonly outcome: YamlOutcome;
}

/** A row of a table: the id and what is written, then what must happen. */
export function refused(id: YamlCase["id"], title: string, content: YamlCase["content"], problem: RegExp): YamlCase {
  return { id, title, content, outcome: { refused: problem } };
}

export function taken(
  id: YamlCase["id"],
  title: string,
  content: YamlCase["content"],
  spec: Readonly<Record<string, unknown>>,
): YamlCase {
  return { id, title, content, outcome: { taken: spec } };
}

/** The Job "x" with these lines below `spec:`, besides its script. */
export function withLines(...lines: readonly string[]): string {
  return jobText("script: a.py", ...lines);
}

/** A Job of another name. */
export function named(name: string): string {
  return jobText("script: a.py").replace("name: x", () => `name: ${name}`);
}
