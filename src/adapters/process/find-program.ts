import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** What execvp(3) would run for `name`, or the error it would give; asked beforehand so that the error has words. */
export function findProgram(name: string, searchPath: string, cwd: string): string | Error {
  const cwdProblem = directoryProblem(cwd);
  if (cwdProblem !== undefined) return cwdProblem;
  if (name.includes("/")) {
    const path = isAbsolute(name) ? name : resolve(cwd, name);
    return executableProblem(path, name) ?? path;
  }
  let denied: Error | undefined;
  for (const directory of searchPath.split(delimiter)) {
    if (name === "" || directory === "") continue;
    const path = join(directory, name);
    const problem = executableProblem(path, name);
    if (problem === undefined) return path;
    if (problem.code === "EACCES") denied ??= problem;
  }
  return denied ?? withCode("ENOENT", `${JSON.stringify(name)} was not found in PATH`);
}

function executableProblem(path: string, name: string): NodeJS.ErrnoException | undefined {
  try {
    if (!statSync(path).isFile()) return withCode("EACCES", `${JSON.stringify(name)} is not a file`);
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (error) {
    const isDenied = (error as NodeJS.ErrnoException).code === "EACCES";
    if (isDenied) return withCode("EACCES", `${JSON.stringify(name)} may not be executed`);
    return withCode("ENOENT", `${JSON.stringify(name)} does not exist`);
  }
}

function directoryProblem(cwd: string): Error | undefined {
  try {
    return statSync(cwd).isDirectory() ? undefined : withCode("EACCES", "the working directory is not a directory");
  } catch {
    return withCode("EACCES", "the working directory does not exist");
  }
}

function withCode(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
