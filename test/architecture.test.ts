import { existsSync } from "node:fs";
import { dirname, join, matchesGlob } from "node:path";
import { expect, test } from "vitest";
import { judgeImport, pureSources, roomOf, rooms } from "./support/rooms.ts";
import type { Room } from "./support/rooms.ts";
import { findLines, parseImports, readSources, readText, root, withoutComments } from "./support/source-tree.ts";
import type { SourceFile } from "./support/source-tree.ts";

const product = readSources("src/**/*.ts");
const everything = readSources("{src,scripts,test}/**/*.{ts,mjs}", "bin/*.js", "*.config.ts");
/** This file and the tables beside it spell what they forbid. */
const speakers = ["test/architecture.test.ts", "test/support/source-tree.ts"];
const judged = everything.filter((file) => !speakers.includes(file.path));

test("imports follow the arrows of docs/architecture.md, and only the outer rooms do I/O", () => {
  const wrong = product.flatMap((file) => parseImports(file).map((imported) => judgeImport(file.path, imported)));
  expect(wrong.filter((verdict) => verdict !== undefined)).toEqual([]);
});

test("every file of src lies in a room", () => {
  expect(product.filter((file) => roomOf(file.path) === undefined).map((file) => file.path)).toEqual([]);
});

test("every room, and every adapter, has a README of at most 40 lines", () => {
  const folders = new Set(product.map((file) => dirname(file.path)).flatMap(readmeFolder));
  const lengths = [...folders].toSorted().map((folder) => {
    const readme = `${folder}/README.md`;
    return [readme, existsSync(join(root, readme)) ? readText(readme).trimEnd().split("\n").length : "missing"];
  });
  expect(lengths.filter(([, lines]) => typeof lines !== "number" || lines > 40)).toEqual([]);
});

test("pure rooms never ask the clock or throw dice themselves", () => {
  const impure = /\bnew Date\(\s*\)|\bDate\.now\b|\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/;
  expect(findCode(readSources(...pureSources), impure)).toEqual([]);
});

test("no module keeps a variable of its own", () => {
  expect(findCode(product, /^(?:export )?(?:let|var) /)).toEqual([]);
});

test("no command goes through a shell", () => {
  expect(findCode(judged, /\bshell:(?!\s*(?:false|string)\b)|\bexecSync\(|\bpromisify\(exec\)/)).toEqual([]);
});

test("nothing loads undici: docs/architecture.md says why", () => {
  const imported = product.flatMap((file) =>
    parseImports(file)
      .filter(({ specifier, form }) => form !== "type" && /^(?:node:http|undici|hono|@hono\/.*)$/.test(specifier))
      .map(({ specifier }) => `${file.path} imports ${specifier}`),
  );
  expect(imported).toEqual([]);
  const global = /\bnew (?:Response|Request|Headers|FormData|WebSocket|EventSource)\(/;
  expect(findCode(product, global)).toEqual([]);
});

test("a TODO names its issue", () => {
  expect(judged.flatMap((file) => findLines(file, /\b(?:TODO(?!\(#\d+\))|FIXME|XXX)\b/))).toEqual([]);
});

test("no file has more than 300 lines of code", () => {
  const sizes = everything.map((file) => [file.path, withoutComments(file.text).split(/\n\s*/).filter(Boolean).length]);
  expect(sizes.filter(([, lines]) => Number(lines) > 300)).toEqual([]);
});

test("no file knows a path of one machine", () => {
  const shipped = readSources("{src,scripts,bin,examples,manifests}/**/*.*", ".ci/run");
  expect(shipped.flatMap((file) => findLines(file, /(?:^|[\s"'`=:])\/(?:home|Users)\/[a-z]/))).toEqual([]);
  const written = [...shipped, ...readSources("{test,docs}/**/*.*", "*.md")];
  expect(written.filter((file) => file.text.includes(root)).map((file) => file.path)).toEqual([]);
});

test("docs/errors.md explains exactly the codes a HomieError may have", () => {
  const union = /export type ErrorCode =([^;]*);/.exec(readText("src/resources/errors.ts"))?.[1] ?? "";
  const codes = [...union.matchAll(/"(\w+)"/g)].map(([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(10);
  expect(firstCells("docs/errors.md")).toEqual(codes.toSorted());
});

test("docs/dependencies.md gives a reason for exactly the direct dependencies", () => {
  const manifest: unknown = JSON.parse(readText("package.json"));
  const { dependencies, devDependencies } = manifest as Record<"dependencies" | "devDependencies", object>;
  const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
  expect(firstCells("docs/dependencies.md")).toEqual(names.toSorted());
});

test("the linter draws the same arrows as this test", () => {
  const pairs = rooms.flatMap((from) => rooms.map((to) => [from, to] as const));
  const disagreements = pairs.flatMap(([from, to]) =>
    (["type", "value"] as const)
      .filter(() => from !== to && !(from.lazy?.includes(to.name) ?? false))
      .filter((form) => allowedHere(from, to, form) !== allowedByLinter(from, to, form))
      .map((form) => `${from.name} -> ${to.name} (${form})`),
  );
  expect(disagreements).toEqual([]);
});

test("the linter's patterns use no lookaround, which it would ignore without a word", () => {
  const patterns = overrides().flatMap((override) => override.patterns.map((pattern) => pattern.regex));
  expect(patterns.length).toBeGreaterThan(20);
  expect(patterns.filter((pattern) => /\(\?[=!<]/.test(pattern))).toEqual([]);
});

function findCode(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return files.flatMap((file) => findLines({ path: file.path, text: withoutComments(file.text) }, pattern));
}

/** `name` of every table row that begins with "| `name` |", sorted. */
function firstCells(path: string): readonly string[] {
  return [...readText(path).matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = ""]) => name).toSorted();
}

/** The folder that speaks for this one: a kind of controllers/, one adapter, else the room. */
function readmeFolder(folder: string): readonly string[] {
  const own = /^src\/(?:(?:controllers|adapters)\/[^/]+|(?!controllers|adapters)[^/]+)/.exec(folder)?.[0];
  return own === undefined ? [] : [own];
}

function sampleFile(room: Room): string {
  if (room.name === "main") return "src/main.ts";
  return room.name === "adapters" ? "src/adapters/clock/sample.ts" : `src/${room.name}/sample.ts`;
}

/** How a file of the one room would spell an import of the other. */
function specifierFor(from: Room, to: Room): string {
  const depth = sampleFile(from).split("/").length - 2;
  const up = depth === 0 ? "./" : "../".repeat(depth);
  return `${up}${sampleFile(to).slice("src/".length)}`;
}

function allowedHere(from: Room, to: Room, form: "type" | "value"): boolean {
  const imported = { specifier: specifierFor(from, to), target: sampleFile(to), form };
  return judgeImport(sampleFile(from), imported) === undefined;
}

interface RestrictedImports {
  readonly files: readonly string[];
  readonly patterns: readonly { readonly regex: string; readonly allowTypeImports?: boolean }[];
}

function overrides(): readonly RestrictedImports[] {
  const config = JSON.parse(readText(".oxlintrc.json")) as {
    readonly overrides: readonly { readonly files: readonly string[]; readonly rules: Record<string, unknown> }[];
  };
  return config.overrides.flatMap(({ files, rules }) => {
    const rule = rules["no-restricted-imports"] as readonly [string, Omit<RestrictedImports, "files">] | undefined;
    return rule === undefined ? [] : [{ files, patterns: rule[1].patterns }];
  });
}

function allowedByLinter(from: Room, to: Room, form: "type" | "value"): boolean {
  const matching = overrides().findLast(({ files }) => files.some((glob) => matchesGlob(sampleFile(from), glob)));
  const patterns = matching?.patterns ?? [];
  return !patterns.some(({ regex, allowTypeImports }) => {
    return new RegExp(regex).test(specifierFor(from, to)) && !(allowTypeImports === true && form === "type");
  });
}
