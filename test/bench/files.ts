import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { milliseconds, quantile, type Row } from "../../src/daemon/bench/measure.ts";
import { startSubject, type Subject } from "../../src/daemon/bench/subject.ts";
import type { Job } from "../../src/resources/job.ts";
import { commitSwap, git, pathOf, type Shown, upTo, watchJobs, writeJobs } from "../support/many-files.ts";
import { program, type Bench } from "./homes.ts";

const count = 10_000;
const swapped = 5_000;
const changed = 1_000;
const patienceMs = 120_000;

/** Ten thousand files: read, a thousand of them changed within a second, and half of them swapped by git. */
export async function measureFiles({ home }: Bench): Promise<readonly Row[]> {
  return [...(await changeSome(home)), ...(await swapHalf(`${home}-git`))];
}

/** With status in every file, as homie does it when nobody says otherwise. */
async function changeSome(home: string): Promise<readonly Row[]> {
  const desired = join(home, "desired");
  writeJobs(desired, upTo(count), "first");
  const { subject, shown, readyMs, loopDelay } = await open(home);
  try {
    const fromMs = performance.now();
    const mirrored = (version: string) => (index: number) => {
      const text = readFileSync(join(desired, pathOf(index)), "utf8");
      return text.includes("\nstatus:") && text.includes(version);
    };
    await allAre(upTo(count), mirrored("first"));
    const mirroredMs = performance.now() - fromMs;
    await loopDelay();
    const pings = await whilePinging(subject, async () => {
      const startMs = performance.now();
      // A tenth of them every tenth of a second.
      for (let part = 0; part < 10; part += 1) {
        const some = upTo(changed / 10).map((index) => index * 100 + part * 10);
        writeJobs(desired, some, "second");
        await sleep(Math.max(0, (part + 1) * 100 - (performance.now() - startMs)));
      }
      const all = upTo(10).flatMap((part) => upTo(changed / 10).map((index) => index * 100 + part * 10));
      await shown.until(changed, (job) => isSettled(job, "second"), patienceMs);
      await allAre(all, mirrored("second"));
    });
    const delay = await loopDelay();
    const { rssMiB } = await subject.usage();
    return [
      row(`${count} files: ready, and all of them listed`, `${(readyMs / 1_000).toFixed(1)} s`, "<= 10 s"),
      row("until every file has its status", `${(mirroredMs / 1_000).toFixed(1)} s`, ""),
      row(
        `${changed} changes in a second: all settled and in their files`,
        `${(pings.ms / 1_000).toFixed(1)} s`,
        "<= 15 s",
      ),
      ...meanwhile(pings, delay),
      row("resident memory after that", `${rssMiB.toFixed(0)} MiB`, "<= 300 MB"),
    ];
  } finally {
    shown.close();
    await subject.stop();
  }
}

/** Without status in the files, as a crew does it that shares them in git. */
async function swapHalf(home: string): Promise<readonly Row[]> {
  const desired = join(home, "desired");
  const half = upTo(swapped).map((index) => index * 2);
  writeJobs(desired, upTo(count), "first");
  commitSwap(desired, half, "second");
  writeFileSync(join(home, "config.yaml"), "mirror_status: false\n");
  const { subject, shown, loopDelay } = await open(home);
  try {
    await shown.until(count, (job) => isSettled(job, "first"), patienceMs);
    await loopDelay();
    const pings = await whilePinging(subject, async () => {
      git(desired, "checkout", "-q", "other");
      await shown.until(swapped, (job) => isSettled(job, "second"), patienceMs);
    });
    const delay = await loopDelay();
    const { rssMiB } = await subject.usage();
    return [
      row(`git checkout swaps ${swapped} of them: all settled`, `${(pings.ms / 1_000).toFixed(1)} s`, "<= 15 s"),
      ...meanwhile(pings, delay),
      row("resident memory after that", `${rssMiB.toFixed(0)} MiB`, "<= 300 MB"),
    ];
  } finally {
    shown.close();
    await subject.stop();
  }
}

interface LoopDelay {
  readonly p99: number;
  readonly max: number;
}
interface Opened {
  readonly subject: Subject;
  readonly shown: Shown;
  readonly readyMs: number;
  /** What the daemon's event loop was late since this was last asked, in milliseconds. */
  readonly loopDelay: () => Promise<LoopDelay>;
}

async function open(home: string): Promise<Opened> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const told = `${home}-loop.json`;
  const env = { NODE_OPTIONS: `--import=${new URL("loop-probe.mjs", import.meta.url).href}`, HOMIE_BENCH_LOOP: told };
  const fromMs = performance.now();
  const subject = await startSubject(home, "bench", new AbortController().signal, { program, env });
  const shown = await watchJobs(subject.socket);
  await shown.until(count, () => true, patienceMs);
  const loopDelay = async (): Promise<LoopDelay> => {
    rmSync(told, { force: true });
    process.kill(Number.parseInt(readFileSync(join(home, "run", "homie.pid"), "utf8"), 10), "SIGUSR2");
    while (!existsSync(told)) await sleep(20);
    return JSON.parse(readFileSync(told, "utf8")) as LoopDelay;
  };
  return { subject, shown, readyMs: performance.now() - fromMs, loopDelay };
}

function meanwhile(pings: { readonly p99: number }, delay: LoopDelay): readonly Row[] {
  return [
    row("meanwhile the daemon's event loop is late by, p99", milliseconds(delay.p99), "<= 100 ms"),
    row("the same, at worst", milliseconds(delay.max), ""),
    row("meanwhile an answer to /version on a connection of its own, p99", milliseconds(pings.p99), ""),
  ];
}

function isSettled({ spec, status, metadata }: Job, version: string): boolean {
  return spec.command?.includes(version) === true && status?.observedGeneration === metadata.generation;
}

async function allAre(indices: readonly number[], isSo: (index: number) => boolean): Promise<void> {
  const endMs = performance.now() + patienceMs;
  let left = indices;
  for (;;) {
    left = left.filter((index) => !isSo(index));
    if (left.length === 0) return;
    if (performance.now() > endMs) throw new Error(`${left.length} files are not so after ${patienceMs} ms`);
    await sleep(100);
  }
}

/** How long `work` takes, and what the slowest hundredth of answers took that were asked for every 20 ms. */
async function whilePinging(
  { socket }: Subject,
  work: () => Promise<void>,
): Promise<{ readonly ms: number; readonly p99: number }> {
  const pinger = new Worker(new URL("pinger.ts", import.meta.url), { workerData: { socket } });
  const startMs = performance.now();
  try {
    await work();
    const ms = performance.now() - startMs;
    pinger.postMessage("end");
    const [answersMs] = (await once(pinger, "message")) as [readonly number[]];
    return { ms, p99: quantile(answersMs, 0.99) };
  } finally {
    await pinger.terminate();
  }
}

const row = (what: string, value: string, budget: string): Row => ({ what, value, baseline: "", ratio: "", budget });
