import { realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, parse, sep } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import { unreadable } from "./walk-tree.ts";

/** The project's real path. Refuses directories that nobody means to send: /, $HOME, homie's own. */
export async function checkProjectPath(projectPath: string, homieRoot: string | undefined): Promise<string> {
  const root = await realpath(projectPath).catch((error: unknown) => {
    throw unreadable(projectPath, error);
  });
  if (!(await stat(root)).isDirectory()) {
    throw new HomieError("SourceUnreadable", `the project ${projectPath} is not a directory`, {
      hint: "project.path names a directory; single files go under inputs",
    });
  }
  const refusal = await projectRefusal(root, homieRoot);
  if (refusal !== undefined) {
    throw new HomieError("SourceUnreadable", `${projectPath} is ${refusal} and is not sent to other machines`, {
      hint: "put what the job needs into a directory of its own and name that as project.path",
    });
  }
  return root;
}

async function projectRefusal(root: string, homieRoot: string | undefined): Promise<string | undefined> {
  if (root === parse(root).root) return "the root of the file system";
  if (root === (await realOrSame(homedir()))) return "your home directory";
  if (homieRoot === undefined) return undefined;
  const homie = await realOrSame(homieRoot);
  if (!isWithin(root, homie)) return undefined;
  // What a person keeps below homie's home is theirs to send; keys, database and other jobs' files are not.
  return ["desired", "results"].some((name) => isWithin(root, join(homie, name)))
    ? undefined
    : "part of homie's own files";
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory + sep);
}

async function realOrSame(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
