import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Peer } from "../../../src/resources/peer.ts";

const entry = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Where the command is typed; where the tests run if absent. */
  readonly cwd?: string;
  /** For its stdin; none if absent. */
  readonly input?: string;
}

/** Where else a machine can be: somewhere with its own processes and mounts too. */
export interface Place {
  /** The machine's home. */
  readonly directory: string;
  /** What is put in front of a command to run it there, in this working directory. */
  enter(directory?: string): readonly string[];
}

/** A machine with its own home, in a network namespace of its own if it has one. */
export class House {
  readonly home: string;
  readonly name: string;
  readonly #place: string | Place | undefined;

  /** `place` is the name of a network namespace, or more than that. */
  constructor(name: string, config: Readonly<Record<string, string | number>>, place?: string | Place) {
    this.name = name;
    this.#place = place;
    this.home = typeof place === "object" ? place.directory : mkdtempSync(join(tmpdir(), "homie-house-"));
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    chmodSync(this.home, 0o700);
    const lines = Object.entries({ name, ...config }).map(([key, value]) => `${key}: ${value}\n`);
    writeFileSync(join(this.home, "config.yaml"), lines.join(""), { mode: 0o600 });
  }

  /** Put in front of every program of this machine: one that gives it another clock, for instance. */
  wrapper: readonly string[] = [];

  /** For DOCKER_HOST: nothing is there, whatever the machine of the tests has. */
  protected get dockerHost(): string {
    return `unix://${join(this.home, "no-engine.sock")}`;
  }

  /** The real command line as a process of this machine. `ip netns exec` becomes it, so a signal reaches it. */
  start(args: readonly string[], options: RunOptions = {}): ChildProcess {
    const [program = "", ...rest] = [...this.#enter(options.cwd), ...this.wrapper, process.execPath, entry, ...args];
    const env = { ...process.env, HOMIE_HOME: this.home, NO_COLOR: "1", DOCKER_HOST: this.dockerHost };
    return spawn(program, rest, {
      cwd: options.cwd,
      env,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Answer> {
    const child = this.start(args, options);
    child.stdin?.end(options.input);
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        const [stdout, stderr] = [out, err].map((chunks) => Buffer.concat(chunks).toString());
        resolve({ code: code ?? -1, stdout: stdout ?? "", stderr: stderr ?? "" });
      });
    });
  }

  /** The same, for commands that must not fail. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`${this.name}: homie ${args.join(" ")} exits with ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async up(): Promise<void> {
    await this.ok(["up", "-d"]);
  }

  async peers(): Promise<readonly Peer[]> {
    return (JSON.parse(await this.ok(["peers", "-o", "json"])) as { readonly items: readonly Peer[] }).items;
  }

  /** The peer that calls itself so, or whose object is called so. */
  async peer(name: string): Promise<Peer | undefined> {
    const peers = await this.peers();
    return peers.find((peer) => peer.status?.name === name) ?? peers.find((peer) => peer.metadata.name === name);
  }

  async phaseOf(name: string): Promise<string | undefined> {
    return (await this.peer(name))?.status?.phase;
  }

  pid(): number {
    return Number.parseInt(readFileSync(join(this.home, "run", "homie.pid"), "utf8"), 10);
  }

  kill(): void {
    // In a place with processes of its own, the number means something only there.
    if (typeof this.#place !== "object") process.kill(this.pid(), "SIGKILL");
    else execFileSync("env", [...this.#enter(), "kill", "-KILL", String(this.pid())]);
  }

  log(): string {
    return readFileSync(join(this.home, "run", "homie.log"), "utf8");
  }

  mtimeOf(path: string): number {
    return statSync(join(this.home, path)).mtimeMs;
  }

  write(path: string, text: string): void {
    const file = join(this.home, path);
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
  }

  /** Every regular file of the home. */
  files(): readonly { readonly path: string; readonly bytes: Buffer }[] {
    return readdirSync(this.home, { recursive: true, encoding: "utf8" })
      .filter((path) => lstatSync(join(this.home, path)).isFile())
      .map((path) => ({ path, bytes: readFileSync(join(this.home, path)) }));
  }

  async close(): Promise<void> {
    await this.run(["down"]);
    rmSync(this.home, { recursive: true, force: true });
  }

  #enter(directory?: string): readonly string[] {
    if (typeof this.#place === "object") return this.#place.enter(directory);
    return this.#place === undefined ? [] : ["ip", "netns", "exec", this.#place];
  }
}
