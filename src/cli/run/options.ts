import { HomieError } from "../../resources/errors.ts";
import { parseDuration } from "../render/duration.ts";

/** As commander hands them over. */
export interface RunOptions {
  readonly filename?: readonly string[];
  /** false: --no-project. */
  readonly project?: string | false;
  /** Name of an environment. */
  readonly env?: string;
  readonly image?: string;
  readonly gpu?: string | true;
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly timeout?: string;
  readonly peer?: string;
  readonly name?: string;
  readonly set?: readonly string[];
  readonly oGlob?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly network?: string;
  readonly detach?: boolean;
  readonly dryRun?: string | true;
  readonly atMostOnce?: boolean;
  readonly retries?: string;
}

export type Program =
  | { readonly type: "script"; readonly file: string; readonly args: readonly string[] }
  | { readonly type: "command"; readonly argv: readonly string[] };

export interface Wish {
  readonly program: Program;
  readonly options: RunOptions;
  readonly gpus: number | undefined;
  readonly dryRun: "manifest" | "peers" | undefined;
}

/**
 * What was asked for: `words` before `--`, `rest` after it (undefined without `--`). `--gpu train.py` and
 * `--dry-run train.py` take the file for their value; it is given back here. Throws HomieError Usage.
 */
export function readWish(words: readonly string[], rest: readonly string[] | undefined, options: RunOptions): Wish {
  const files = [...words];
  const gpus = takeOptional(options.gpu, files, (text) => (/^\d{1,2}$/u.test(text) ? Number(text) : undefined), 1);
  const dryRun = takeOptional(
    options.dryRun,
    files,
    (text) => (text === "peers" ? ("peers" as const) : undefined),
    "manifest" as const,
  );
  return { program: readProgram(files, rest), options, gpus, dryRun };
}

function takeOptional<T>(
  given: string | true | undefined,
  files: string[],
  parse: (text: string) => T | undefined,
  byDefault: T,
): T | undefined {
  if (given === undefined || given === true) return given && byDefault;
  const value = parse(given);
  if (value === undefined) files.unshift(given);
  return value ?? byDefault;
}

function readProgram(files: readonly string[], rest: readonly string[] | undefined): Program {
  const [file, ...more] = files;
  if (more.length > 0) {
    throw new HomieError("Usage", `one file is run, not ${files.length}`, {
      hint: "arguments of the script follow `--`, other files go with -f FILE",
    });
  }
  if (file !== undefined && file !== "") return { type: "script", file, args: rest ?? [] };
  if (rest !== undefined && rest.length > 0) return { type: "command", argv: rest };
  throw new HomieError("Usage", "nothing to run", { hint: "`homie run FILE -- ARGS`, or `homie run -- COMMAND ARGS`" });
}

/** Whole seconds of a duration; throws HomieError Usage. */
export function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds >= 1000) return Math.ceil(milliseconds / 1000);
  throw new HomieError("Usage", `--timeout cannot be ${JSON.stringify(text)}`, {
    hint: "for example --timeout 600, --timeout 10m or --timeout 2h",
  });
}

export function readRetries(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,3}$/u.test(text) && Number(text) <= 100) return Number(text);
  throw new HomieError("Usage", `--retries cannot be ${JSON.stringify(text)}`, { hint: "for example --retries 2" });
}

/** `K=V`, several times. */
export function readVariables(
  given: readonly string[] | undefined,
): readonly { readonly name: string; readonly value: string }[] {
  return (given ?? []).map((text) => {
    const at = text.indexOf("=");
    if (at > 0) return { name: text.slice(0, at), value: text.slice(at + 1) };
    throw new HomieError("Usage", `-e cannot be ${JSON.stringify(text)}`, { hint: "for example -e SEED=42" });
  });
}
