import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export interface SourceFile {
  /** From the root of the checkout, forward slashes. */
  readonly path: string;
  readonly text: string;
}
export interface Import {
  readonly specifier: string;
  /** Path from the root for relative specifiers; the specifier itself for packages and node: modules. */
  readonly target: string;
  readonly form: "type" | "value" | "dynamic";
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function readSources(...globs: readonly string[]): readonly SourceFile[] {
  const paths = globSync([...globs], { cwd: root }).filter((path) => !path.includes("/generated/"));
  return paths.toSorted().map((path) => ({ path, text: readText(path) }));
}

const clause = String.raw`(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+\w+))?)`;
const statement = new RegExp(String.raw`^(?:import|export)\s+(type\s+)?${clause}\s+from\s+"([^"]+)"`, "gm");
const sideEffect = /^import\s+"([^"]+)"/gm;
const dynamic = /\bimport\(\s*"([^"]+)"\s*,?\s*\)/g;

/** Enough of a parser for a code base that is formatted by a tool: no import of ours looks any other way. */
export function parseImports(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  const add = (specifier: string, form: Import["form"]): void => {
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : specifier;
    found.push({ specifier, target, form });
  };
  for (const [, type, specifier = ""] of file.text.matchAll(statement)) add(specifier, type ? "type" : "value");
  for (const [, specifier = ""] of file.text.matchAll(sideEffect)) add(specifier, "value");
  for (const [, specifier = ""] of file.text.matchAll(dynamic)) add(specifier, "dynamic");
  return found;
}

/** The text without what is only comment, line numbers kept. Strings that look like comments are the reader's problem. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|[\s;{}(,])\/\/.*$/gm, "$1");
}

/** `path:line: text` of every line that matches. */
export function findLines(file: SourceFile, pattern: RegExp): readonly string[] {
  const lines = file.text.split("\n").map((line, index) => ({ line, index }));
  return lines
    .filter(({ line }) => pattern.test(line))
    .map((hit) => `${file.path}:${hit.index + 1}: ${hit.line.trim()}`);
}
