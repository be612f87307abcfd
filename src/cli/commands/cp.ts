import { constants } from "node:fs";
import { copyFile, mkdir, stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { HomieError } from "../../resources/errors.ts";
import type { CollectedFile, JobSpec, JobStatus } from "../../resources/job.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { findKind, parseJobName } from "../kinds.ts";
import { renderBytes } from "../render/duration.ts";
import type { ApiObject } from "../render/objects.ts";
import { safeLine } from "../render/safe-text.ts";

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly file: CollectedFile;
}

/** Copies what a finished job brought home: `job/train:model.pkl .`, or a whole directory of it. */
export async function runCp(
  context: CommandContext,
  source: string,
  target: string,
  options: { readonly force?: boolean },
): Promise<number> {
  const { name, path } = parseSource(source);
  const job = await context.withClient("any", async (client) => await client.get(findKind("job"), name));
  const found = findOutputs(job, path, context.paths.results);
  const isDirectory =
    target.endsWith("/") || (await kindOf(resolve(context.terminal.directory, target))) === "directory";
  const destination = resolve(context.terminal.directory, target);
  const copies = found.map(({ below, from, file }): Copy => {
    // As `cp -r`: into a directory that is there, else under the given name.
    const top = isDirectory && path !== "." ? join(destination, posix.basename(path)) : destination;
    return { from, file, to: below === "" ? top : join(top, below) };
  });
  for (const copy of copies) await requireAsItCame(copy);
  for (const copy of copies) {
    await copyOne(copy, options.force === true);
    await context.terminal.output.write(`${safeLine(copy.to)}  ${renderBytes(copy.file.bytes)}\n`);
  }
  return exitCodes.ok;
}

function parseSource(word: string): { readonly name: string; readonly path: string } {
  const at = word.indexOf(":");
  if (at <= 0 || at === word.length - 1) {
    throw new HomieError("Usage", `${JSON.stringify(word)} is not job/NAME:PATH`, {
      hint: "for example `homie cp job/train:model.pkl .`",
    });
  }
  const path = posix.normalize(word.slice(at + 1)).replace(/(?<=.)\/+$/u, "");
  if (path.startsWith("/") || path === ".." || path.startsWith("../"))
    throw new HomieError("Usage", `${JSON.stringify(path)} leaves the job's work directory`);
  return { name: parseJobName(word.slice(0, at)), path };
}

interface FoundOutput {
  readonly file: CollectedFile;
  /** Absolute. */
  readonly from: string;
  /** Relative to the wanted path; "" for the file itself. */
  readonly below: string;
}

/** The file of that name, or everything below it. Throws HomieError NotFound with what there is. */
function findOutputs(job: ApiObject, path: string, results: string): readonly FoundOutput[] {
  const { name } = job.metadata;
  const status = (job.status ?? {}) as JobStatus;
  const { outputs = [], outputsPath, phase } = status;
  if (!["Succeeded", "Failed", "Cancelled"].includes(phase ?? ""))
    throw new HomieError("NotFound", `job/${name} is not finished: nothing of it is here yet`, {
      hint: `wait for it with \`homie attach job/${name}\``,
    });
  const places = [
    outputsPath,
    ...(((job.spec ?? {}) as JobSpec).outputs?.map(({ to }) => to) ?? []),
    join(results, name),
  ];
  const bases = [...new Set(places.filter((place) => place !== undefined))];
  for (const base of bases) {
    const wanted = resolve(base, path);
    const found = outputs.flatMap((file): FoundOutput[] => {
      const from = resolve(outputsPath ?? base, file.path);
      if (from === wanted) return [{ file, from, below: "" }];
      return from.startsWith(`${wanted}/`) ? [{ file, from, below: from.slice(wanted.length + 1) }] : [];
    });
    if (found.length > 0) return found;
  }
  const some = outputs.slice(0, 5).map((file) => file.path);
  throw new HomieError("NotFound", `job/${name} brought no ${path} home`, {
    hint:
      some.length === 0
        ? "it brought no files at all"
        : `it brought ${some.join(", ")}${outputs.length > 5 ? ", ..." : ""}`,
  });
}

/** What was edited or removed since it came home is no output of the job any more. */
async function requireAsItCame({ from, file }: Copy): Promise<void> {
  if ((await kindOf(from)) !== "file") {
    throw new HomieError("NotFound", `${from} is not there any more`, { hint: "it came home and was removed since" });
  }
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(from)) hash.update(chunk as Uint8Array);
  if (hash.digest("hex") === file.sha256) return;
  throw new HomieError("Conflict", `${from} was changed since it came home`, {
    hint: "copy it by yourself if you mean the changed file",
  });
}

async function copyOne({ from, to }: Copy, force: boolean): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await copyFile(from, to, force ? 0 : constants.COPYFILE_EXCL);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new HomieError("AlreadyExists", `${to} is there already`, { hint: "--force overwrites it", cause: error });
    throw new HomieError("StateUnusable", `cannot write ${basename(to)} to ${dirname(to)} (${code})`, { cause: error });
  }
}

async function kindOf(path: string): Promise<"file" | "directory" | undefined> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isFile() === true) return "file";
  return facts?.isDirectory() === true ? "directory" : undefined;
}
