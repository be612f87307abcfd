import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, parse, relative, resolve, sep } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import type { CommandContext } from "../context.ts";
import type { Places } from "./draft.ts";
import type { Wish } from "./options.ts";

/**
 * Which directory travels: --project, else the one this was started in when the script lies in it. Throws HomieError
 * Usage for directories nobody means to send, SourceUnreadable for a script that is not there.
 */
export async function choosePlaces({ home, terminal }: CommandContext, { program, options }: Wish): Promise<Places> {
  const directory = await realpath(terminal.directory);
  const script = program.type === "script" ? await findScript(directory, program.file) : undefined;
  const isElsewhere = script !== undefined && !isWithin(script, directory);
  if (options.project === false || (options.project === undefined && isElsewhere))
    return { directory, script, project: undefined };
  const wanted = resolve(directory, options.project ?? ".");
  const project = await realpath(wanted).catch((error: unknown) => {
    throw new HomieError("SourceUnreadable", `there is no directory ${options.project}`, { cause: error });
  });
  await refuseUnmeant(project, { home, user: terminal.env["HOME"] });
  return { directory, script, project };
}

/** Its absolute path without links on the way, so that it can be told whether it lies in the project. */
async function findScript(directory: string, shown: string): Promise<string> {
  const path = resolve(directory, shown);
  const facts = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? `there is no file ${shown}` : `cannot read ${shown} (${error.code})`;
    throw new HomieError("SourceUnreadable", why, { cause: error });
  });
  if (facts.isFile()) return join(await realpath(dirname(path)), basename(path));
  throw new HomieError("Usage", `${shown} is not a file`, {
    hint: "`homie run --project DIR -- COMMAND` runs a command in a directory",
  });
}

async function refuseUnmeant(
  project: string,
  { home, user }: { readonly home: string; readonly user: string | undefined },
): Promise<void> {
  const real = async (path: string): Promise<string> => await realpath(path).catch(() => path);
  const homie = await real(home);
  const isRoot = project === parse(project).root;
  const isHome = user !== undefined && user !== "" && project === (await real(user));
  const isHomies = isWithin(project, homie) && !isWithin(project, `${homie}${sep}results`);
  if (!isRoot && !isHome && !isHomies) return;
  const what = isRoot ? "the root of the file system" : isHome ? "your home directory" : "homie's own directory";
  throw new HomieError("Usage", `${project} is ${what}, and would travel as a whole`, {
    hint: "work in a directory of its own, name one with --project DIR, or send only the script and -f files with --no-project",
  });
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`));
}
