import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { homePaths } from "../../../src/adapters/home.ts";
import { loadIdentity } from "../../../src/adapters/identity/identity-file.ts";
import type { Attempt } from "../../../src/resources/attempt.ts";
import type { Job, JobSpec } from "../../../src/resources/job.ts";
import { TestHome } from "../../support/cli.ts";
import { startEngine } from "../../support/engine.ts";
import type { TestEngine } from "../../support/engine.ts";
import { hostileImage, importSandboxImage } from "../../support/sandbox-image.ts";

const finishMs = 90_000;
const small = { cpu: 0.1, memory: "64Mi", disk: "64Mi" } as const;

export interface Ended {
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
}

/** One daemon, started as people start it, on a real engine; Jobs go in through the command line. */
export class SandboxBed {
  readonly home: TestHome;
  readonly engine: TestEngine;
  readonly #declared = new Set<string>();

  private constructor(engine: TestEngine) {
    this.engine = engine;
    this.home = new TestHome({ DOCKER_HOST: engine.host });
  }

  static async open(): Promise<SandboxBed> {
    const engine = await startEngine();
    await importSandboxImage(engine.docker);
    const bed = new SandboxBed(engine);
    await bed.home.ok(["up", "-d", "--name", "alice"]);
    return bed;
  }

  async close(): Promise<void> {
    for (const name of this.#declared) await this.cancel(name);
    for (const name of this.#declared) await this.ended(name);
    await this.home.close();
    await this.engine.docker.getImage(hostileImage).remove({ force: true });
    await this.engine.stop();
  }

  /** All in one go, so that the daemon runs them side by side. */
  async apply(jobs: Readonly<Record<string, Partial<JobSpec>>>): Promise<void> {
    const documents = Object.entries(jobs).map(([name, spec]) =>
      JSON.stringify({
        apiVersion: "homie.dev/v1",
        kind: "Job",
        metadata: { name },
        spec: { image: hostileImage, resources: small, ...spec },
      }),
    );
    await this.home.ok(["apply", "-f", "-"], documents.join("\n---\n"));
    for (const name of Object.keys(jobs)) this.#declared.add(name);
  }

  async get(path: string): Promise<Buffer> {
    return this.#ask("GET", path);
  }

  async job(name: string): Promise<Job> {
    return JSON.parse((await this.get(`/apis/homie.dev/v1/jobs/${name}`)).toString()) as Job;
  }

  async attempt(name: string, number = 1): Promise<Attempt> {
    const uid = (await this.job(name)).metadata.uid;
    return JSON.parse((await this.get(`/apis/homie.dev/v1/attempts/${uid}-${number}`)).toString()) as Attempt;
  }

  /** Waits until the Job has ended; its first attempt that did says how. */
  async ended(name: string, withinMs = finishMs): Promise<Ended> {
    const job = await this.#until(name, withinMs, ({ status }) => status?.completionTime !== undefined);
    const { phase, reason, message, exitCode } = job.status ?? {};
    return { phase: phase ?? "", reason: reason ?? "", message: message ?? "", exitCode };
  }

  async running(name: string): Promise<Docker.ContainerInspectInfo> {
    const job = await this.#until(name, finishMs, ({ status }) => status?.phase === "Running");
    return this.engine.docker.getContainer(`homie-${job.metadata.uid}-${job.status?.attempt ?? 1}`).inspect();
  }

  /** What an ended Job printed. */
  async output(name: string, stream = "stdout"): Promise<string> {
    await this.ended(name);
    return (await this.get(`/apis/homie.dev/v1/jobs/${name}/log?stream=${stream}`)).toString();
  }

  async lines(name: string): Promise<readonly string[]> {
    const output = await this.output(name);
    return output.split("\n").slice(0, -1);
  }

  async cancel(name: string): Promise<void> {
    await this.#ask("POST", `/apis/homie.dev/v1/jobs/${name}/cancel`, [200, 409]);
  }

  get nodeId(): string {
    return loadIdentity(homePaths(this.home.home).identity).nodeId;
  }

  /** Containers and volumes of a Job that are still in the engine. */
  async leftovers(name: string): Promise<readonly string[]> {
    const filters = { label: [`homie.uid=${(await this.job(name)).metadata.uid}`] };
    const containers = await this.engine.docker.listContainers({ all: true, filters });
    const { Volumes: volumes } = await this.engine.docker.listVolumes({ filters });
    return [...containers.map(({ Id }) => Id), ...(volumes ?? []).map(({ Name }) => Name)];
  }

  results(name: string, file = ""): string {
    return join(this.home.home, "results", name, file);
  }

  /** Memory of the daemon's process, in bytes. */
  daemonMemory(): number {
    const status = readFileSync(`/proc/${this.home.pid()}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async #until(name: string, withinMs: number, isSo: (job: Job) => boolean): Promise<Job> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const job = await this.job(name);
      if (isSo(job)) return job;
      if (performance.now() > deadline) throw new Error(`${name} is still ${JSON.stringify(job.status)}`);
      await pause(50);
    }
  }

  #ask(method: string, path: string, accepted: readonly number[] = [200]): Promise<Buffer> {
    const options = { socketPath: join(this.home.home, "run", "homie.sock"), method, path, headers: { host: "homie" } };
    return new Promise((resolve, reject) => {
      const asking = request(options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("error", reject);
        answer.once("end", () => {
          const body = Buffer.concat(chunks);
          if (accepted.includes(answer.statusCode ?? 0)) resolve(body);
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${body.toString().slice(0, 500)}`));
        });
      });
      asking.once("error", reject);
      asking.end();
    });
  }
}

export function sh(program: string): Pick<JobSpec, "command"> {
  return { command: ["/bin/sh", "-c", program] };
}

/** A shell line that runs probes and prints each one's name with what it exits with. */
export function runProbes(names: readonly string[]): string {
  return `for p in ${names.join(" ")}; do /probes/$p; echo $p $?; done`;
}
