import { constants } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HomieError } from "../resources/errors.ts";
import type { Terminal } from "./terminal.ts";

/** The API takes bodies of this size, and nobody writes more by hand. */
export const maxInputBytes: number = 1024 ** 2;
const maxFiles = 10_000;

export interface InputFile {
  /** For messages: as the person wrote it, or "stdin". */
  readonly file: string;
  readonly text: string;
  /** Absolute: relative paths in the documents start here. */
  readonly baseDirectory: string;
}

/** Reads every `-f`: files, directories (*.yaml, *.yml, *.json in name order) and `-`. Throws HomieError. */
export async function readInputs(
  terminal: Terminal,
  paths: readonly string[],
  recursive: boolean,
): Promise<readonly InputFile[]> {
  if (paths.length === 0)
    throw new HomieError("Usage", "nothing to read", { hint: "give -f FILE, -f DIR or -f - for stdin" });
  if (paths.filter((path) => path === "-").length > 1) throw new HomieError("Usage", "stdin can be read once only");
  const inputs: InputFile[] = [];
  for (const path of paths) {
    if (path === "-") inputs.push(await readStdin(terminal));
    else
      for (const file of await findFiles(terminal.directory, path, recursive))
        inputs.push(await readInput(terminal.directory, file));
  }
  return inputs;
}

async function readStdin(terminal: Terminal): Promise<InputFile> {
  const text = await terminal.input.readAll(maxInputBytes).catch((error: unknown) => {
    if (error instanceof HomieError && error.code === "TooLarge")
      throw new HomieError("Usage", error.message, { hint: "give large inputs as several files" });
    throw error;
  });
  return { file: "stdin", text, baseDirectory: terminal.directory };
}

async function findFiles(directory: string, path: string, recursive: boolean): Promise<readonly string[]> {
  if (path === "") throw new HomieError("Usage", "-f needs the name of a file");
  const facts = await stat(resolve(directory, path)).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (!facts.isDirectory()) return [path];
  const found = await listDirectory(directory, path, recursive);
  if (found.length > 0) return found;
  throw new HomieError(
    "Usage",
    `found no *.yaml, *.yml or *.json in ${path}`,
    recursive ? {} : { hint: "look into directories below it with -R" },
  );
}

async function listDirectory(directory: string, path: string, recursive: boolean): Promise<readonly string[]> {
  const entries = await readdir(resolve(directory, path), { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const inside = join(path, entry.name);
    if (entry.isDirectory()) found.push(...(recursive ? await listDirectory(directory, inside, true) : []));
    else if (/\.(ya?ml|json)$/u.test(entry.name)) found.push(inside);
    if (found.length > maxFiles) throw new HomieError("Usage", `found more than ${maxFiles} files in ${path}`);
  }
  return found;
}

async function readInput(directory: string, file: string): Promise<InputFile> {
  const path = resolve(directory, file);
  try {
    // A FIFO that nobody writes to would be waited for, for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await handle.stat();
      if (!facts.isFile())
        throw new HomieError("Usage", `${file} is not a regular file`, { hint: "pipe it in with -f -" });
      if (facts.size > maxInputBytes)
        throw new HomieError("Usage", `${file} is larger than 1 MiB`, { hint: "split it into several files" });
      return { file, text: await handle.readFile("utf8"), baseDirectory: dirname(path) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof HomieError ? error : unreadable(file, error);
  }
}

function unreadable(path: string, error: unknown): HomieError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return new HomieError("SourceUnreadable", `there is no file ${path}`, { cause: error });
  if (code === "EACCES")
    return new HomieError("SourceUnreadable", `may not read ${path}`, {
      hint: "look at its permissions with ls -l",
      cause: error,
    });
  return new HomieError("SourceUnreadable", `cannot read ${path}: ${code ?? String(error)}`, { cause: error });
}
