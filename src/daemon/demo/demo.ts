import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../adapters/clock/system-clock.ts";
import { createEngine, findEngine, type Engine } from "../../adapters/docker/connect.ts";
import { createEngineHealth } from "../../adapters/docker/health.ts";
import type { Logger } from "../../reconciler/types.ts";
import { createCliProcess, type CliProcess } from "./cli-process.ts";
import { findDemoImage, removeDemoImage, type DemoImage } from "./demo-image.ts";

export interface DemoOptions {
  readonly write: (text: string) => void;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Stage {
  readonly options: DemoOptions;
  readonly home: string;
  readonly cli: CliProcess;
  readonly engine: Engine;
  readonly image?: DemoImage;
}

/** Runs examples/hello-job with the real command line in a home of its own and leaves nothing behind. Answers the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "homie-demo-"));
  const home = join(directory, "home");
  const cli = createCliProcess({ ...options, home, cwd: directory });
  const engine = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
  const stage: Stage = { options, home, cli, engine };
  let image: DemoImage | undefined;
  try {
    image = await chooseRuntime(stage, directory);
    return await play(image === undefined ? stage : { ...stage, image }, directory);
  } finally {
    await cleanUp(stage, directory, image);
  }
}

async function chooseRuntime(stage: Stage, directory: string): Promise<DemoImage | undefined> {
  const { options, engine } = stage;
  const health = await createEngineHealth(engine, systemClock).check();
  if (!health.ok) {
    options.write(
      `Docker: not reachable (${health.message}).\nThe demo uses the process runtime: the script runs directly on this machine, not in a container.\n`,
    );
    return undefined;
  }
  options.write(`Docker: ${health.engine} ${health.version}. Looking for an image with a shell ...\n`);
  const image = await findDemoImage(engine, directory, options.log, options.signal);
  if (image === undefined) {
    options.write(
      "No image can be had. The demo uses the process runtime: the script runs directly on this machine, not in a container.\n",
    );
  } else {
    const origin = image.made ? "made of this machine's own shell, as no registry answers" : "as the example asks";
    options.write(`The demo uses Docker: the job runs in a hardened container of ${image.name} (${origin}).\n`);
  }
  return image;
}

async function play(stage: Stage, directory: string): Promise<number> {
  const { cli, options, image } = stage;
  await mustWork(cli.show(["up", "-d", "--name", "demo"]));
  if (image === undefined) await mustWork(cli.show(["config", "--runtime", "process"]));
  await copyExample(directory, image);
  const watch = cli.follow(["get", "jobs", "-w"]);
  try {
    await mustWork(cli.show(["apply", "-f", "hello-job/job.yaml"]));
    await cli.ask(["wait", "job/hello", "--for=finished", "--timeout", "45s"]);
    // The last row of the watch is on its way when wait returns.
    await systemClock.sleep(300, options.signal);
  } finally {
    await watch.stop();
  }
  await mustWork(cli.show(["logs", "job/hello"]));
  const job: unknown = JSON.parse(await cli.ask(["get", "job", "hello", "-o", "json"]));
  await showFiles(stage, job);
  await mustWork(cli.show(["delete", "job", "hello"]));
  return phaseOf(job) === "Succeeded" ? 0 : 1;
}

async function mustWork(running: Promise<number>): Promise<void> {
  const code = await running;
  if (code !== 0) throw new Error(`the command above exits with ${code}`);
}

/** The example as it is, but for an image that can be had here. */
async function copyExample(directory: string, image: DemoImage | undefined): Promise<void> {
  const example = fileURLToPath(new URL("../../../examples/hello-job", import.meta.url));
  const copy = join(directory, "hello-job");
  await cp(example, copy, { recursive: true });
  if (image === undefined) return;
  const path = join(copy, "job.yaml");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace(/^(\s*image:).*$/m, `$1 "${image.name}"`));
}

interface ShownJob {
  readonly status?: {
    readonly phase?: string;
    readonly outputsPath?: string;
    readonly outputs?: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  };
}

function phaseOf(job: unknown): string | undefined {
  return (job as ShownJob).status?.phase;
}

async function showFiles(stage: Stage, job: unknown): Promise<void> {
  const { status } = job as ShownJob;
  const { write } = stage.options;
  write(`\nCollected below ~/.homie/${relative(stage.home, status?.outputsPath ?? "")}:\n`);
  for (const { path, bytes, sha256 } of status?.outputs ?? []) {
    write(`  ${path}  ${bytes} bytes  sha256 ${sha256.slice(0, 12)}…\n`);
    const text = await readFile(join(status?.outputsPath ?? "", path), "utf8");
    write(text.replaceAll(/^/gm, "    | ").replace(/ {4}\| $/, ""));
  }
}

async function cleanUp(stage: Stage, directory: string, image: DemoImage | undefined): Promise<void> {
  const { cli, options, engine } = stage;
  if (options.signal.aborted) {
    const last = createCliProcess({
      ...options,
      signal: new AbortController().signal,
      home: stage.home,
      cwd: directory,
    });
    await last.ask(["down"]).catch(() => undefined);
  } else {
    await cli.show(["down"]);
  }
  if (image !== undefined)
    await removeDemoImage(engine, image).catch((error: unknown) =>
      options.log.warn("the demo's image stays", { error }),
    );
  await rm(directory, { recursive: true, force: true });
  options.write("\nThe demo's home, containers and images are gone.\n");
}
