import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CaptureFacts, Runtime, RuntimeFacts, TreeEntry } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { HomePaths } from "../home.ts";
import { openLogWriter } from "../logs/log-writer.ts";
import { removeTree } from "../outputs/remove-tree.ts";
import { replaceFile } from "../project/replace-file.ts";
import { createStageStream } from "../project/stage-stream.ts";
import { pathsOf, processPaths, readJson } from "./attempt-record.ts";
import type { AttemptRecord, CreatedMark } from "./attempt-record.ts";
import { endVanished } from "./end-vanished.ts";
import { launchSupervisor } from "./launch.ts";
import { LiveAttempts } from "./live-attempts.ts";
import { LogGlance } from "./log-glance.ts";
import { isAlive, signalGroup } from "./process-identity.ts";
import { killStrays } from "./strays.ts";
import { readTree, unpackStage } from "./work-tree.ts";

export interface ProcessRuntimeOptions {
  readonly paths: HomePaths;
  /** Whose attempts these are; another home's are never touched because they lie elsewhere. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs programs directly on this machine: for one's own jobs. What it does not enforce is in the room's README. */
export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  return new ProcessRuntime(options);
}

class ProcessRuntime implements Runtime {
  readonly name = "process";
  readonly #options: ProcessRuntimeOptions;
  readonly #live = new LiveAttempts();
  readonly #glances = new Map<string, LogGlance>();
  readonly #staging = new Map<string, Promise<{ readonly containerId: string }>>();
  /** Attempts this instance started or took over; the port calls a capture live only then. */
  readonly #adopted = new Set<string>();

  constructor(options: ProcessRuntimeOptions) {
    this.#options = options;
  }

  health: Runtime["health"] = async () => ({
    ok: true,
    engine: "process",
    version: process.version,
    warnings: ["jobs run as this user, without limits on memory, processes and network"],
  });

  prepareImage: Runtime["prepareImage"] = async () => ({ ok: true, imageId: "" });

  async inspect(attempt: Attempt): Promise<RuntimeFacts> {
    const paths = pathsOf(this.#options.paths, attempt);
    const name = attempt.metadata.name;
    const created = readJson<CreatedMark>(paths.created);
    if (created === undefined) return { phase: "absent" };
    const known = { containerId: containerIdOf(name), specSha256: created.specSha256 };
    let record = readJson<AttemptRecord>(paths.record);
    if (record === undefined) return { phase: "created", ...known };
    if (record.exit === undefined && !isAlive(record.supervisor)) {
      record = await endVanished(paths, this.#options.clock.now());
    }
    if (record.exit === undefined) {
      this.#live.add(name, paths.directory, record.supervisor);
      return { phase: "running", ...known, startedAt: record.startedAt };
    }
    this.#live.forget(name);
    return { phase: "exited", ...known, startedAt: record.startedAt, oomKilled: false, ...record.exit };
  }

  /** Asked twice at once, it stages once. */
  stage(attempt: Attempt, signal: AbortSignal): Promise<{ readonly containerId: string }> {
    const name = attempt.metadata.name;
    const running =
      this.#staging.get(name) ?? this.#stageOnce(attempt, signal).finally(() => this.#staging.delete(name));
    this.#staging.set(name, running);
    return running;
  }

  async #stageOnce(attempt: Attempt, signal: AbortSignal): Promise<{ readonly containerId: string }> {
    const paths = pathsOf(this.#options.paths, attempt);
    const name = attempt.metadata.name;
    const staged = { containerId: containerIdOf(name) };
    const created = readJson<CreatedMark>(paths.created);
    if (created?.specSha256 === attempt.spec.specSha256) return staged;
    if (created !== undefined) throw new HomieError("ContainerCreateFailed", `${name} exists with another spec`);
    for (const leftover of [paths.work, paths.temporary, paths.directory]) await removeTree(leftover);
    await mkdir(paths.directory, { recursive: true, mode: 0o700 });
    await mkdir(paths.work, { mode: 0o755 });
    const stream = createStageStream(attempt, this.#options.paths, signal);
    await unpackStage(stream.chunks, paths.work);
    await stream.done;
    for (const { path, reason } of stream.skipped()) {
      this.#options.log.warn("a part of the project does not travel", { attempt: name, path, reason });
    }
    const { job, specSha256, gpus } = attempt.spec;
    const mark: CreatedMark = {
      ...{ name, nodeId: this.#options.nodeId, job: job.name, specSha256 },
      ...(gpus === undefined ? {} : { gpus }),
    };
    await replaceFile(paths.created, JSON.stringify(mark));
    return staged;
  }

  async start(attempt: Attempt): Promise<void> {
    const paths = pathsOf(this.#options.paths, attempt);
    const name = attempt.metadata.name;
    if (!existsSync(paths.created)) throw new HomieError("NotFound", `${name} is not staged`);
    this.#adopted.add(name);
    if (existsSync(paths.record)) return;
    this.#live.follow(name, await launchSupervisor(attempt, paths));
    // From now on the watch knows it, whether or not somebody inspects.
    await this.inspect(attempt);
  }

  /** The supervisor writes the log itself; only a log whose supervisor vanished needs an end. */
  async resumeCapture(attempt: Attempt): Promise<void> {
    const facts = await this.inspect(attempt);
    this.#adopted.add(attempt.metadata.name);
    if (facts.phase !== "exited" || this.#glance(attempt).look().complete) return;
    const writer = await openLogWriter(pathsOf(this.#options.paths, attempt).log);
    writer.remark("the process that wrote this log was killed; output may be missing");
    await writer.finish();
  }

  capture(attempt: Attempt): CaptureFacts {
    const { complete, ...counts } = this.#glance(attempt).look();
    if (complete) return { phase: "complete", ...counts };
    const record = readJson<AttemptRecord>(pathsOf(this.#options.paths, attempt).record);
    const isLive =
      this.#adopted.has(attempt.metadata.name) &&
      record !== undefined &&
      record.exit === undefined &&
      isAlive(record.supervisor);
    return { phase: isLive ? "live" : "none", ...counts };
  }

  async stop(attempt: Attempt, graceSeconds: number): Promise<void> {
    const paths = pathsOf(this.#options.paths, attempt);
    const record = readJson<AttemptRecord>(paths.record);
    if (record === undefined || record.exit !== undefined || !isAlive(record.supervisor)) return;
    await replaceFile(paths.stop, JSON.stringify({ graceSeconds }));
    signalProcess(record.supervisor.pid, "SIGTERM");
  }

  async *readWorkTree(attempt: Attempt, signal: AbortSignal): AsyncIterable<TreeEntry> {
    const paths = pathsOf(this.#options.paths, attempt);
    const { phase } = await this.inspect(attempt);
    if (phase !== "exited")
      throw new HomieError(
        "OutputRejected",
        `the work directory of ${attempt.metadata.name} is not at rest: it is ${phase}`,
      );
    yield* readTree(paths.work, signal);
  }

  async remove(attempt: Attempt): Promise<void> {
    const paths = pathsOf(this.#options.paths, attempt);
    const record = readJson<AttemptRecord>(paths.record);
    if (record !== undefined && record.exit === undefined) {
      if (isAlive(record.supervisor)) signalProcess(record.supervisor.pid, "SIGKILL");
      if (record.program !== undefined && isAlive(record.program)) signalGroup(record.program.pid, "SIGKILL");
    }
    killStrays(paths.temporary);
    this.#live.forget(attempt.metadata.name);
    this.#glances.delete(attempt.metadata.name);
    this.#adopted.delete(attempt.metadata.name);
    await removeTree(paths.work);
    await removeTree(paths.temporary);
    // The mark before the record: an attempt without a record could be started again.
    await rm(paths.created, { force: true });
    await removeTree(paths.directory);
  }

  async list(): Promise<readonly string[]> {
    const { paths, nodeId } = this.#options;
    const names: string[] = [];
    for (const uid of await namesIn(paths.runs)) {
      for (const attempt of await namesIn(join(paths.runs, uid))) {
        const created = readJson<CreatedMark>(processPaths(paths, uid, Number(attempt)).created);
        if (created?.nodeId === nodeId) names.push(created.name);
      }
    }
    return names;
  }

  watch(onChange: (attemptName: string | undefined) => void): Disposable {
    return this.#live.listen(onChange);
  }

  #glance(attempt: Attempt): LogGlance {
    const name = attempt.metadata.name;
    let glance = this.#glances.get(name);
    if (glance === undefined)
      this.#glances.set(name, (glance = new LogGlance(pathsOf(this.#options.paths, attempt).log)));
    return glance;
  }
}

function containerIdOf(name: string): string {
  return `process-${name}`;
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  });
}
