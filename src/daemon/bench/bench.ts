import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createEngine, findEngine } from "../../adapters/docker/connect.ts";
import type { Logger } from "../../reconciler/types.ts";
import { findDemoImage, removeDemoImage } from "../demo/demo-image.ts";
import { measureCrew } from "./crew.ts";
import { benchResources, containersAreGone, runJob } from "./jobs.ts";
import { milliseconds, quantile, renderRows, sample, startRow, type Row } from "./measure.ts";
import { hardenedRun, runProgram } from "./programs.ts";
import { startSubject, type Subject } from "./subject.ts";

export interface BenchOptions {
  readonly write: (text: string) => void;
  readonly json: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Bench {
  readonly options: BenchOptions;
  readonly directory: string;
  readonly home: string;
  readonly subject: Subject;
  /** Undefined without an engine: rows that need one are left out and said so. */
  readonly image?: string;
}

const pairs = 15;
const idleSeconds = 10;
/** What a start has left over is done by then. */
const settleSeconds = 10;

/** Measures the budgets of a machine and of a crew against baselines of the same run. Answers the exit code. */
export async function runBench(options: BenchOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "homie-bench-"));
  const engine = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
  const image = await findDemoImage(engine, directory, options.log, options.signal);
  try {
    const rows = await measureMachine(options, directory, image?.name);
    const crew = await measureCrew(directory, image?.name, options.signal);
    if (options.json) options.write(`${JSON.stringify({ rows, crew }, undefined, 2)}\n`);
    else options.write(`${renderRows(rows)}\n\ncrew: two daemons on loopback\n${renderRows(crew)}\n`);
    if (image === undefined && !options.json)
      options.write("No Docker engine answers: the rows about jobs are left out.\n");
    return 0;
  } finally {
    await rm(directory, { recursive: true, force: true });
    if (image !== undefined) await removeDemoImage(engine, image);
  }
}

async function measureMachine(
  options: BenchOptions,
  directory: string,
  image: string | undefined,
): Promise<readonly Row[]> {
  const home = join(directory, "home");
  const subject = await startSubject(home, "bench", options.signal);
  try {
    const rows = await measure({ options, directory, home, subject, ...(image === undefined ? {} : { image }) });
    await containersAreGone(subject.socket);
    return rows;
  } finally {
    await subject.stop();
  }
}

async function measure(bench: Bench): Promise<readonly Row[]> {
  const node = await sample(pairs, () => runProgram(process.execPath, ["-e", "0"]));
  const idle = await measureIdle(bench);
  const get = await sample(pairs, () => runCli(bench, ["get", "jobs"]));
  const rows: Row[] = [
    {
      what: "daemon ready",
      value: milliseconds(bench.subject.readyMs),
      baseline: `node -e 0: ${milliseconds(node.p50)}`,
      ratio: ratio(bench.subject.readyMs, node.p50),
      budget: "<= 500 ms",
    },
    ...idle,
    {
      what: "homie get jobs, whole process, p50",
      value: milliseconds(get.p50),
      baseline: `node -e 0: ${milliseconds(node.p50)}`,
      ratio: ratio(get.p50, node.p50),
      budget: "<= 3 x",
    },
  ];
  return bench.image === undefined ? rows : [...rows, ...(await measureStart(bench, bench.image))];
}

async function measureIdle(bench: Bench): Promise<readonly Row[]> {
  await setTimeout(settleSeconds * 1_000);
  const before = await bench.subject.usage();
  await setTimeout(idleSeconds * 1_000);
  const after = await bench.subject.usage();
  const share = ((after.cpuSeconds - before.cpuSeconds) / idleSeconds) * 100;
  return [
    {
      what: "resident memory, idle",
      value: `${after.rssMiB.toFixed(0)} MiB`,
      baseline: "",
      ratio: "",
      budget: "<= 90 MB",
    },
    {
      what: `processor, ${idleSeconds} idle s`,
      value: `${share.toFixed(2)} % of a core`,
      baseline: "",
      ratio: "",
      budget: "<= 0.5 %",
    },
  ];
}

/** Taken in turns, so that a machine that gets slower slows both. */
async function measureStart({ subject }: Bench, image: string): Promise<readonly Row[]> {
  const docker: number[] = [];
  const homie: number[] = [];
  const startedMs = Date.now().toString(36);
  const command = ["sh", "-c", "exit 0"];
  await sample(pairs, async (index) => {
    const fromMs = performance.now();
    await runProgram("docker", hardenedRun(image, command));
    const betweenMs = performance.now();
    const name = `bench-${startedMs}-${index + 2}`;
    await runJob(subject.socket, name, { image, command, resources: benchResources });
    if (index < 0) return;
    docker.push(betweenMs - fromMs);
    homie.push(performance.now() - betweenMs);
  });
  const row = (share: number, budget: string): Row =>
    startRow(
      `no-op job, declared to finished, p${share * 100}`,
      { value: quantile(homie, share), baseline: quantile(docker, share) },
      budget,
    );
  return [row(0.5, "+60 ms"), row(0.95, "+150 ms")];
}

async function runCli(bench: Bench, args: readonly string[]): Promise<void> {
  await runProgram(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args, "--home", bench.home]);
}

function ratio(value: number, baseline: number): string {
  return `${(value / baseline).toFixed(2)} x`;
}
