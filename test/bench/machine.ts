import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { thriftyMalloc } from "../../src/cli/detached-daemon.ts";
import { callApi } from "../../src/daemon/bench/api.ts";
import { containersAreGone, runJob } from "../../src/daemon/bench/jobs.ts";
import { milliseconds, renderRows, sample, type Row } from "../../src/daemon/bench/measure.ts";
import { runProgram } from "../../src/daemon/bench/programs.ts";
import { startSubject, type Subject } from "../../src/daemon/bench/subject.ts";
import { startEngine } from "../support/engine.ts";
import { measureFiles } from "./files.ts";
import { declare, program, spec, type Bench } from "./homes.ts";
import { measureMany } from "./many.ts";
import { measureSoak } from "./soak.ts";

/**
 * One machine for longer than `npm run bench` takes: `node test/bench/machine.ts [files] [queue] [many] [idle] [soak]`. Ten
 * thousand files, five thousand Jobs that wait, five hundred that do nothing, ten minutes with nothing to do, and half an
 * hour of one Job after the other. Starts an engine of its own.
 */
const queued = 5_000;
const finished = 20;
const idleMinutes = 10;
/** Containers go, and what was read at the start is collected. */
const calmMs = 60_000;
const pairs = 15;

async function jobsThat(subject: Subject, isSo: (phase: string) => boolean): Promise<number> {
  const list = (await callApi(subject.socket, "GET", "/apis/homie.dev/v1/jobs")) as {
    readonly items: readonly { readonly status?: { readonly phase?: string } }[];
  };
  return list.items.filter(({ status }) => isSo(status?.phase ?? "")).length;
}

/** One Job runs, as many as the machine lets in; all others wait for it. */
async function measureQueue({ home, image }: Bench): Promise<readonly Row[]> {
  declare(home, "default", "Limits", { maxJobs: 1 });
  const subject = await startSubject(home, "bench", new AbortController().signal, { program });
  try {
    const fromMs = performance.now();
    for (let index = 0; index < queued; index += 1) declare(home, `queued-${index}`, "Job", spec(image, "sleep 3600"));
    while ((await jobsThat(subject, (phase) => phase === "Pending" || phase === "Running")) < queued) await sleep(500);
    const knownMs = performance.now() - fromMs;
    await sleep(calmMs);
    const node = await sample(pairs, () => runProgram(process.execPath, ["-e", "0"]));
    const get = await sample(pairs, () => runProgram(process.execPath, [program, "get", "jobs", "--home", home]));
    const before = await subject.usage();
    await sleep(30_000);
    const after = await subject.usage();
    const share = ((after.cpuSeconds - before.cpuSeconds) / 30) * 100;
    const rows = [
      [`${queued} Jobs as files, until all have a phase`, `${(knownMs / 1_000).toFixed(1)} s`, ""],
      [`homie get jobs, whole process, p50, ${queued} Jobs`, milliseconds(get.p50), "<= 500 ms"],
      ["the same, p95", milliseconds(get.p95), ""],
      ["resident memory meanwhile", `${after.rssMiB.toFixed(0)} MiB`, ""],
      ["processor, 30 s with all of them waiting", `${share.toFixed(2)} % of a core`, ""],
    ] as const;
    const baseline = `node -e 0: ${milliseconds(node.p50)}`;
    return rows.map(([what, value, budget], index) => ({
      what,
      value,
      baseline: index === 1 ? baseline : "",
      ratio: "",
      budget,
    }));
  } finally {
    await subject.stop();
  }
}

/** What changes something at the engine is an event there: whoever asks only makes none. */
function countEvents(dockerHost: string): () => readonly string[] {
  const events: string[] = [];
  const child = spawn("docker", ["events", "--format", "{{.Type}} {{.Action}}"], {
    env: { ...process.env, DOCKER_HOST: dockerHost },
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => events.push(...chunk.trim().split("\n")));
  return () => {
    child.kill();
    return events;
  };
}

async function measureIdle({ home, image, dockerHost }: Bench): Promise<readonly Row[]> {
  const subject = await startSubject(home, "bench", new AbortController().signal, { program, env: thriftyMalloc });
  try {
    for (let index = 0; index < finished; index += 1)
      await runJob(subject.socket, `done-${index}`, spec(image, "echo done"));
    await containersAreGone(subject.socket);
    await sleep(calmMs);
    const writes: string[] = [];
    const watcher = watch(join(home, "desired"), { recursive: true }, (_, name) => void writes.push(String(name)));
    const eventsSoFar = countEvents(dockerHost);
    const before = await subject.usage();
    await sleep(idleMinutes * 60_000);
    const after = await subject.usage();
    watcher.close();
    const events = eventsSoFar();
    const share = ((after.cpuSeconds - before.cpuSeconds) / (idleMinutes * 60)) * 100;
    const rows = [
      [
        "files written below desired/",
        `${writes.length}${writes.length > 0 ? `: ${writes.slice(0, 3).join(", ")}` : ""}`,
        "0",
      ],
      [
        "changes at the engine",
        `${events.length}${events.length > 0 ? `: ${events.slice(0, 3).join(", ")}` : ""}`,
        "0",
      ],
      ["processor", `${share.toFixed(2)} % of a core`, "<= 0.5 %"],
      ["resident memory, in the end", `${after.rssMiB.toFixed(0)} MiB`, "<= 90 MB"],
    ] as const;
    const when = `${idleMinutes} idle minutes, ${finished} finished Jobs: `;
    return rows.map(([what, value, budget]) => ({ what: `${when}${what}`, value, baseline: "", ratio: "", budget }));
  } finally {
    await subject.stop();
  }
}

const sections = {
  files: measureFiles,
  queue: measureQueue,
  many: measureMany,
  idle: measureIdle,
  soak: measureSoak,
} as const;
type Section = keyof typeof sections;
const isSection = (word: string): word is Section => Object.hasOwn(sections, word);

async function main(words: readonly string[]): Promise<void> {
  const unknown = words.find((word) => !isSection(word));
  if (unknown !== undefined) throw new Error(`there is no section ${unknown}: ${Object.keys(sections).join(", ")}`);
  const wanted = words.length === 0 ? Object.keys(sections).filter(isSection) : words.filter(isSection);
  const engine = await startEngine();
  process.env["DOCKER_HOST"] = engine.host;
  const directory = mkdtempSync(join(tmpdir(), "homie-bench-"));
  try {
    for (const section of wanted) {
      const rows = await sections[section]({
        home: join(directory, section),
        image: engine.image,
        dockerHost: engine.host,
        docker: engine.docker,
      });
      process.stdout.write(`\nmachine: ${section}\n${renderRows(rows)}\n`);
    }
  } finally {
    await engine.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
