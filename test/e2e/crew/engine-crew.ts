import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { Job } from "../../../src/resources/job.ts";
import { EngineHouse } from "./engine-house.ts";
import { Lan } from "./lan.ts";

const config = { group_secret: "the-secret-of-two-friends", heartbeat_interval: 0.4 };
const wait = { timeout: 60_000, interval: 200 };
const builtIn = new Set(["none", "host", "bridge"]);

/** Alice and bob on one LAN, each with an engine of its own, and with a daemon each that has found the other. */
export class EngineCrew {
  readonly #lan: Lan;
  readonly #namespaces = new Map<string, string>();
  readonly #houses = new Map<string, EngineHouse>();
  /** Both ends of the connections that carry heartbeats, as bob's `ss` writes them. */
  #links: readonly string[] = [];
  /** Where the projects of alice's jobs lie, one directory a job. */
  readonly work = mkdtempSync(join(tmpdir(), "homie-work-"));

  constructor(name: string) {
    this.#lan = new Lan(name);
  }

  get alice(): EngineHouse {
    return this.#at("alice");
  }

  get bob(): EngineHouse {
    return this.#at("bob");
  }

  /** `limits` are in force before the first start. */
  async open(limits = ""): Promise<void> {
    await this.#lan.open();
    for (const [index, name] of ["alice", "bob"].entries()) {
      const namespace = await this.#lan.addHost(name, `10.77.0.${index + 1}`);
      this.#namespaces.set(name, namespace);
      // One after the other: whoever has opened must be closed, whatever becomes of the next.
      const house = await EngineHouse.open(name, config, namespace);
      this.#houses.set(name, house);
      if (limits !== "") house.write("desired/limits.yaml", limits);
    }
    await Promise.all([this.alice.up(), this.bob.up()]);
    await vi
      .waitFor(async () => {
        expect([await this.alice.phaseOf("bob"), await this.bob.phaseOf("alice")]).toEqual(["Online", "Online"]);
      }, wait)
      .catch((error: unknown) => {
        throw new Error(`they do not find each other:\n${this.alice.log()}\n${this.bob.log()}`, { cause: error });
      });
    this.#links = [...(await this.#connections()).keys()];
  }

  async close(): Promise<void> {
    for (const house of this.#houses.values()) await house.close();
    await this.#lan.close();
    rmSync(this.work, { recursive: true, force: true });
  }

  /** The directory of a job's project, made if need be. */
  project(name: string): string {
    const directory = join(this.work, name);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** Runs `run.sh`, written here, in an image of alice; whatever it leaves behind as *.out comes home. */
  async declare(name: string, given: { readonly program: string; readonly image: string; readonly more?: string }) {
    const directory = this.project(name);
    writeFileSync(join(directory, "run.sh"), `${given.program}\n`);
    writeFileSync(
      join(directory, "job.yaml"),
      `apiVersion: homie.dev/v1
kind: Job
metadata: {name: ${name}}
spec:
  image: ${given.image}
  script: run.sh
  project: {path: ., exclude: [job.yaml, home]}
  outputs: [{paths: ["*.out"], to: ./home, when: Always}]
  peer: bob
  ${given.more ?? ""}
`,
    );
    await this.#applyAnew(name);
  }

  async look(name: string): Promise<NonNullable<Job["status"]>> {
    return (JSON.parse(await this.alice.ok(["get", "job", name, "-o", "json"])) as Job).status ?? {};
  }

  /** How the job ended. */
  async finish(name: string, seconds = 60): Promise<NonNullable<Job["status"]>> {
    await this.alice.ok(["wait", `job/${name}`, "--for=finished", "--timeout", `${seconds}s`]);
    return this.look(name);
  }

  /** The same job once more, from the first byte on. */
  async again(name: string): Promise<NonNullable<Job["status"]>> {
    await this.#applyAnew(name);
    return this.finish(name);
  }

  async #applyAnew(name: string): Promise<void> {
    await this.alice.ok(["delete", "job", name, "--ignore-not-found"]);
    await this.alice.ok(["apply", "-f", "job.yaml"], { cwd: join(this.work, name) });
  }

  /**
   * What reached bob's network card meanwhile, headers included: claims, files, images, questions for reports, and
   * acknowledgements of log and outputs. Heartbeats and gossip are not counted, as long as the first link lives; their
   * headers are, and beacons.
   */
  async sentToBob(act: () => Promise<unknown>): Promise<number> {
    const before = await this.#received();
    await act();
    return (await this.#received()) - before;
  }

  async #received(): Promise<number> {
    const figure = /^\s*eth0:\s*([0-9]+)/m.exec(await this.#atBob(["cat", "/proc/net/dev"]))?.[1];
    const connections = await this.#connections();
    return this.#links.reduce((sum, link) => sum - (connections.get(link) ?? 0), Number(figure));
  }

  /** Bytes received by bob over each connection that is open. */
  async #connections(): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.#atBob(["ss", "-tinOH", "state", "established"])).trim().split("\n");
    return new Map(
      lines.map((line) => [
        line.trim().split(/\s+/).slice(2, 4).join(" "),
        Number(/ bytes_received:([0-9]+)/.exec(line)?.[1] ?? 0),
      ]),
    );
  }

  #atBob(command: readonly string[]): Promise<string> {
    return this.#lan.inside(this.#namespaces.get("bob") ?? "", command);
  }

  #at(name: string): EngineHouse {
    const found = this.#houses.get(name);
    if (found === undefined) throw new Error(`there is no house of ${name}`);
    return found;
  }
}

/** What of homie is in an engine, in words. Images are none of it: they stay for the next time. */
export async function leftAt({ engine }: EngineHouse): Promise<readonly string[]> {
  const { docker } = engine;
  const containers = (await docker.listContainers({ all: true })).map(({ Names }) => `container ${Names.join(" ")}`);
  const volumes = (await docker.listVolumes()).Volumes.map(({ Name }) => `volume ${Name}`);
  const networks = (await docker.listNetworks()).filter(({ Name }) => !builtIn.has(Name));
  return [...containers, ...volumes, ...networks.map(({ Name }) => `network ${Name}`)];
}

export function sha256Of(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
