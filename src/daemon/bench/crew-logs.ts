import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { followApi } from "./api.ts";
import type { BenchCrew } from "./crew-homes.ts";
import { attemptRuns, benchResources, declareJob, jobSucceeds } from "./jobs.ts";
import { milliseconds, quantile, type Row } from "./measure.ts";
import { hardenedRun } from "./programs.ts";

const lines = 25;
const job = "lines";

/**
 * A program with nothing but a shell has one clock that others can read too: /proc/uptime, which moves every 10 ms. It
 * waits for the moment at which it moves and says so.
 */
const program = `n=0
while [ $n -lt ${lines} ]; do
  sleep 0.2
  read last rest < /proc/uptime; now=$last
  while [ "$now" = "$last" ]; do read now rest < /proc/uptime; done
  echo "$now"
  n=$((n + 1))
done`;

/** From a program's line on bob to the same line in a reader's hands at alice. */
export async function measureLogs(crew: BenchCrew, image: string): Promise<readonly Row[]> {
  const command = ["sh", "-c", program];
  const offsetMs = uptimeOffsetMs();
  const docker = spawn("docker", [...hardenedRun(image, command)], { stdio: ["ignore", "pipe", "inherit"] });
  const baseline = await latencies(docker.stdout, offsetMs);
  const succeeded = jobSucceeds(crew.alice.socket, job);
  const runs = attemptRuns(crew.bob.socket, job);
  await declareJob(crew.alice.socket, job, { image, command, resources: benchResources, peer: "bob" });
  await runs;
  const log = await followApi(crew.alice.socket, `/apis/homie.dev/v1/jobs/${job}/log?follow=true`);
  const measured = await latencies(log, offsetMs);
  await succeeded;
  return [row(0.5, measured, baseline, "<= 30 ms"), row(0.95, measured, baseline, "")];
}

function row(share: number, measured: readonly number[], baseline: readonly number[], budget: string): Row {
  const [value, other] = [quantile(measured, share), quantile(baseline, share)];
  return {
    what: `a peer's line to its reader, p${share * 100}`,
    value: milliseconds(value),
    baseline: `docker run, attached: ${milliseconds(other)}`,
    ratio: `+${milliseconds(value - other)}`,
    budget,
  };
}

/** What to add to /proc/uptime in milliseconds for `performance.now()`. Seen late is seen wrong, so the best of a few counts. */
function uptimeOffsetMs(): number {
  const read = (): string => readFileSync("/proc/uptime", "latin1").split(" ", 1)[0] ?? "";
  let least = Infinity;
  for (let round = 0; round < 10; round++) {
    const last = read();
    let now = read();
    while (now === last) now = read();
    least = Math.min(least, performance.now() - Number(now) * 1_000);
  }
  return least;
}

/** Lines that waited together, before the reader was there, say nothing about the way: the first few do not count. */
const warmUp = 5;

async function latencies(stream: Readable, offsetMs: number): Promise<readonly number[]> {
  const all: number[] = [];
  let rest = "";
  for await (const chunk of stream) {
    const arrivedMs = performance.now();
    const whole = `${rest}${String(chunk)}`.split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) all.push(arrivedMs - (Number(line) * 1_000 + offsetMs));
  }
  if (all.length !== lines) throw new Error(`${all.length} of ${lines} lines came`);
  return all.slice(warmUp);
}
