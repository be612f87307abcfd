import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine, findEngine } from "../../adapters/docker/connect.ts";
import type { Logger } from "../../reconciler/types.ts";
import { findDemoImage, removeDemoImage } from "../demo/demo-image.ts";
import { callApi, watchApi } from "./api.ts";
import { milliseconds, quantile, renderRows, sample, type Row, type Samples } from "./measure.ts";
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

/** Measures the budgets of one machine against baselines of the same run and prints a table. Answers the exit code. */
export async function runBench(options: BenchOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "homie-bench-"));
  const engine = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
  const image = await findDemoImage(engine, directory, options.log, options.signal);
  try {
    const home = join(directory, "home");
    const subject = await startSubject(home, options.signal);
    try {
      const bench: Bench = { options, directory, home, subject, ...(image === undefined ? {} : { image: image.name }) };
      const rows = await measure(bench);
      options.write(options.json ? `${JSON.stringify({ rows }, undefined, 2)}\n` : `${renderRows(rows)}\n`);
      if (image === undefined) options.write("No Docker engine answers: the rows about jobs are left out.\n");
      return 0;
    } finally {
      await subject.stop();
    }
  } finally {
    if (image !== undefined) await removeDemoImage(engine, image);
    await rm(directory, { recursive: true, force: true });
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
  const before = await bench.subject.usage();
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1_000));
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
async function measureStart(bench: Bench, image: string): Promise<readonly Row[]> {
  const docker: number[] = [];
  const homie: number[] = [];
  const startedMs = Date.now().toString(36);
  await sample(pairs, async (index) => {
    const fromMs = performance.now();
    await runProgram("docker", hardenedRun(bench, image));
    const betweenMs = performance.now();
    await runJob(bench, image, `bench-${startedMs}-${index + 2}`);
    if (index < 0) return;
    docker.push(betweenMs - fromMs);
    homie.push(performance.now() - betweenMs);
  });
  const baseline = samplesOf(docker);
  const measured = samplesOf(homie);
  return [
    startRow("no-op job, declared to finished, p50", measured.p50, baseline.p50, "+60 ms"),
    startRow("no-op job, declared to finished, p95", measured.p95, baseline.p95, "+150 ms"),
  ];
}

function startRow(what: string, value: number, baseline: number, budget: string): Row {
  const extra = value - baseline;
  return {
    what,
    value: `${milliseconds(value)} (${extra < 0 ? "" : "+"}${extra.toFixed(0)} ms)`,
    baseline: `docker run --rm: ${milliseconds(baseline)}`,
    ratio: ratio(value, baseline),
    budget,
  };
}

/** The settings of homie's own container, as far as the command line can say them. */
function hardenedRun(bench: Bench, image: string): readonly string[] {
  const seccomp = fileURLToPath(new URL("../../adapters/docker/seccomp.json", import.meta.url));
  return [
    "run",
    "--rm",
    "--pull=never",
    "--network=none",
    "--user=65532:65532",
    "--cap-drop=ALL",
    "--read-only",
    "--init",
    "--security-opt=no-new-privileges:true",
    `--security-opt=seccomp=${seccomp}`,
    "--pids-limit=512",
    "--cpus=1",
    "--memory=512m",
    "--memory-swap=512m",
    "--tmpfs=/tmp:rw,exec,nosuid,nodev,size=256m,mode=1777",
    "--mount=type=volume,target=/work,volume-nocopy",
    "--workdir=/work/job",
    "--entrypoint=",
    image,
    "sh",
    "-c",
    "exit 0",
  ];
}

async function runJob(bench: Bench, image: string, name: string): Promise<void> {
  const { socket } = bench.subject;
  const spec = { image, command: ["sh", "-c", "exit 0"], resources: { cpu: 1, memory: "512Mi" } };
  const job = { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name }, spec };
  const finished = watchApi(socket, "/apis/homie.dev/v1/jobs?watch=true", (object) => isFinished(object, name));
  await callApi(socket, "POST", "/apis/homie.dev/v1/jobs", job);
  await finished;
}

function isFinished(object: unknown, name: string): boolean {
  const { metadata, status } = object as {
    metadata?: { name?: string };
    status?: { phase?: string; message?: string };
  };
  if (metadata?.name !== name) return false;
  if (status?.phase === "Failed") throw new Error(`the no-op job failed: ${status.message ?? ""}`);
  return status?.phase === "Succeeded";
}

async function runCli(bench: Bench, args: readonly string[]): Promise<void> {
  await runProgram(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args, "--home", bench.home]);
}

function runProgram(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.join(" ")} exits with ${code}: ${text.trim()}`));
    });
  });
}

function samplesOf(all: readonly number[]): Pick<Samples, "p50" | "p95"> {
  return { p50: quantile(all, 0.5), p95: quantile(all, 0.95) };
}

function ratio(value: number, baseline: number): string {
  return `${(value / baseline).toFixed(2)} x`;
}
