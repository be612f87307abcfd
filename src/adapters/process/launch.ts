import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { replaceFile } from "../project/replace-file.ts";
import type { LaunchOrder, ProcessPaths } from "./attempt-record.ts";

/** Runs from the sources (types are stripped) and from the build alike. */
const supervisorFile = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./supervisor.ts" : "./supervisor.js", import.meta.url),
);

/** A flood of output is all short-lived buffers; with a small heap they are freed sooner: 1 GB costs 30 MB instead of 65. */
const smallHeap = ["--no-warnings", "--max-semi-space-size=1", "--max-old-space-size=64"];

/** Starts the supervisor and resolves when its record says how the start went. The process outlives the daemon. */
export async function launchSupervisor(attempt: Attempt, paths: ProcessPaths): Promise<ChildProcess> {
  mkdirSync(paths.temporary, { recursive: true, mode: 0o700 });
  await replaceFile(paths.launch, JSON.stringify(launchOrder(attempt, paths)));
  const errors = openSync(paths.supervisorErrors, "w", 0o600);
  // No environment but the code cache: what this daemon was started with is none of a job's business. Without the
  // cache the supervisor's sources are compiled anew for every job, which takes longer than many jobs.
  const supervisor = spawn(process.execPath, [...smallHeap, supervisorFile, paths.launch], {
    cwd: paths.directory,
    env: { NODE_COMPILE_CACHE: paths.codeCache },
    detached: true,
    stdio: ["ignore", "pipe", errors],
  });
  closeSync(errors);
  supervisor.unref();
  await recorded(supervisor, paths);
  return supervisor;
}

/** The supervisor closes its stdout once the record is written, or by dying before. */
async function recorded(supervisor: ChildProcess, paths: ProcessPaths): Promise<void> {
  const failure = await new Promise<Error | undefined>((resolve) => {
    supervisor.once("error", resolve);
    supervisor.stdout?.once("close", () => resolve(undefined));
    supervisor.stdout?.resume();
  });
  if (failure === undefined && existsSync(paths.record)) return;
  const said = existsSync(paths.supervisorErrors)
    ? readFileSync(paths.supervisorErrors, "utf8").trim().slice(-500)
    : "";
  throw new HomieError(
    "ProcessFailed",
    `cannot start the process that watches over the program: ${failure?.message ?? said}`,
    {
      hint: "check free processes, memory and disk on this machine",
    },
  );
}

function launchOrder(attempt: Attempt, paths: ProcessPaths): LaunchOrder {
  const { argv, resources, workingDir } = attempt.spec;
  return {
    argv,
    env: jobEnvironment(attempt, paths),
    cwd: join(paths.work, workingDir),
    log: paths.log,
    temporary: paths.temporary,
    record: paths.record,
    stop: paths.stop,
    wrapper: limitWrapper(resources.diskBytes),
  };
}

/** The job's own variables over a few defaults; TMPDIR, the two names and which GPUs it sees are always ours. */
function jobEnvironment(attempt: Attempt, paths: ProcessPaths): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: process.env["LANG"] ?? "C.UTF-8",
    HOME: paths.work,
    ...Object.fromEntries(attempt.spec.env.map(({ name, value }) => [name, value])),
    TMPDIR: paths.temporary,
    HOMIE_JOB: attempt.spec.job.name,
    HOMIE_ATTEMPT: String(attempt.spec.attempt),
    // Empty hides them all (CUDA C++ programming guide, "CUDA environment variables"); without a container it is a request.
    CUDA_VISIBLE_DEVICES: (attempt.spec.gpus ?? []).join(","),
  };
}

/** util-linux's prlimit sets the largest file the program may write and execs it; elsewhere nothing does. */
function limitWrapper(diskBytes: number): readonly string[] {
  const prlimit = ["/usr/bin/prlimit", "/bin/prlimit"].find((path) => existsSync(path));
  return prlimit === undefined ? [] : [prlimit, `--fsize=${diskBytes}`, "--core=0", "--"];
}
