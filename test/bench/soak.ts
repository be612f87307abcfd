import { readdirSync } from "node:fs";
import { thriftyMalloc } from "../../src/cli/detached-daemon.ts";
import { callApi } from "../../src/daemon/bench/api.ts";
import { containersAreGone, runJob } from "../../src/daemon/bench/jobs.ts";
import type { Row } from "../../src/daemon/bench/measure.ts";
import { startSubject } from "../../src/daemon/bench/subject.ts";
import { program, spec, type Bench } from "./homes.ts";

/** `HOMIE_MINUTES=1440` for a day. */
const minutes = Number(process.env["HOMIE_MINUTES"] ?? 30);
/** Compiling, caches and what malloc keeps are not counted. */
const warmUpShare = 1 / 3;

interface Sample {
  readonly hours: number;
  readonly rssMiB: number;
  readonly descriptors: number;
}

/** One Job after the other, each deleted when it is done: does the daemon grow? */
export async function measureSoak({ home, image }: Bench): Promise<readonly Row[]> {
  const subject = await startSubject(home, "bench", new AbortController().signal, { program, env: thriftyMalloc });
  try {
    const { pid } = (await callApi(subject.socket, "GET", "/homie/v1/status")) as { readonly pid: number };
    const samples: Sample[] = [];
    const [startMs, endMs] = [performance.now(), performance.now() + minutes * 60_000];
    let jobs = 0;
    while (performance.now() < endMs) {
      const name = `soak-${(jobs += 1)}`;
      await runJob(subject.socket, name, spec(image, "seq 1000; seq 1000 >out"));
      await callApi(subject.socket, "DELETE", `/apis/homie.dev/v1/jobs/${name}`);
      if (jobs % 20 !== 0) continue;
      await containersAreGone(subject.socket);
      const { rssMiB } = await subject.usage();
      const hours = (performance.now() - startMs) / 3_600_000;
      samples.push({ hours, rssMiB, descriptors: readdirSync(`/proc/${pid}/fd`).length });
    }
    return rowsOf(samples.slice(Math.floor(samples.length * warmUpShare)), jobs);
  } finally {
    await subject.stop();
  }
}

function rowsOf(samples: readonly Sample[], jobs: number): readonly Row[] {
  const row = (what: string, value: string, budget: string): Row => ({ what, value, baseline: "", ratio: "", budget });
  const descriptors = samples.map((each) => each.descriptors);
  return [
    row(
      `${minutes} minutes, ${jobs} Jobs: resident memory grows by`,
      `${slopeOf(samples).toFixed(1)} MiB/h`,
      "<= 1 MB/h",
    ),
    row(
      "resident memory, first and last",
      `${samples[0]?.rssMiB.toFixed(0)}, ${samples.at(-1)?.rssMiB.toFixed(0)} MiB`,
      "",
    ),
    row("file descriptors, least and most", `${Math.min(...descriptors)}, ${Math.max(...descriptors)}`, "flat"),
  ];
}

/** Least squares, in MiB an hour. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [hours, rss] = [mean((each) => each.hours), mean((each) => each.rssMiB)];
  const covariance = mean((each) => (each.hours - hours) * (each.rssMiB - rss));
  return covariance / mean((each) => (each.hours - hours) ** 2);
}
