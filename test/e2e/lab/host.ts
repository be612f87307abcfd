import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, House, type Place } from "../crew/house.ts";
import { Keeper, machineSpaces } from "./keeper.ts";
import { run } from "./run.ts";

export interface HostOptions {
  /** Of the lab. */
  readonly directory: string;
  /** config.yaml of homie there. */
  readonly config: Readonly<Record<string, string | number>>;
}

/** What is a machine's own: names, /run (so sockets of daemons too), and a routing table that does not forward. */
const setup = `
echo "$1" > /proc/sys/kernel/hostname
echo "$1" > "$2/hostname"
echo "127.0.0.1 localhost $1" > "$2/hosts"
echo "$3" > "$2/machine-id"
for each in hostname hosts machine-id; do
  if [ -e "/etc/$each" ]; then mount --bind "$2/$each" "/etc/$each"; fi
done
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
`;

/** A machine: network, processes, mounts, names and a home of its own. Its disk outlives a crash, its processes do not. */
export abstract class LabHost implements Place {
  readonly name: string;
  /** Its $HOME. */
  readonly home: string;
  readonly #etc: string;
  readonly #programs: string;
  readonly #machineId: string = randomBytes(16).toString("hex");
  readonly #config: HostOptions["config"];
  #keeper: Keeper | undefined;
  #house: House | undefined;
  #clock: readonly string[] = [];

  constructor(name: string, { directory, config }: HostOptions) {
    this.name = name;
    this.home = join(directory, name);
    this.#etc = join(directory, "etc", name);
    this.#programs = join(directory, "bin");
    this.#config = config;
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    mkdirSync(this.#etc, { recursive: true });
  }

  abstract readonly address: string;

  get keeper(): Keeper {
    if (this.#keeper === undefined) throw new Error(`${this.name} is switched off`);
    return this.#keeper;
  }

  get isOn(): boolean {
    return this.#keeper !== undefined;
  }

  /** HOMIE_HOME. */
  get directory(): string {
    return join(this.home, ".homie");
  }

  /** What homie is on this machine. */
  get cli(): House {
    this.#house ??= new House(this.name, this.#config, this);
    return this.#house;
  }

  enter(directory: string = this.home): readonly string[] {
    const path = `PATH=${this.#programs}:${process.env["PATH"] ?? ""}`;
    const variables = [`HOME=${this.home}`, `HOMIE_HOME=${this.directory}`, path];
    return this.keeper.inside(["env", `--chdir=${directory}`, ...variables, ...this.#clock]);
  }

  /** Runs a command to its end. Answers its stdout; throws if it fails. */
  run(...command: readonly string[]): Promise<string> {
    return run([...this.enter(), ...command]);
  }

  /** A program of every machine of the lab from now on, before that of the system. */
  install(name: string, script: string): void {
    writeFileSync(join(this.#programs, name), script, { mode: 0o755 });
  }

  /** Starts a command that goes on. `killChildOf` ends it, as everything that ends the machine does. */
  start(...command: readonly string[]): ChildProcess {
    const [program = "", ...args] = [...this.enter(), ...command];
    return spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  }

  homie(args: readonly string[]): Promise<Answer> {
    return this.cli.run(args);
  }

  up(): Promise<void> {
    return this.cli.up();
  }

  async down(): Promise<void> {
    await this.cli.ok(["down"]);
  }

  /** From now on programs that start see a clock that is wrong by so much. Go programs do not: they ask the kernel. */
  setClock(offsetSeconds: number): void {
    this.#clock = offsetSeconds === 0 ? [] : ["faketime", "-f", `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}s`];
  }

  /** Pulls the plug: everything ends at once, without a word. */
  async crash(): Promise<void> {
    const { keeper } = this;
    this.#keeper = undefined;
    await keeper.close();
    await this.disconnect();
  }

  /** In the same place, with the same disk. */
  async powerOn(): Promise<void> {
    if (this.#keeper !== undefined) throw new Error(`${this.name} is on already`);
    this.#keeper = await Keeper.open(machineSpaces, setup, [this.name, this.#etc, this.#machineId]);
    await this.connect();
  }

  abstract setCable(position: "up" | "down"): Promise<void>;

  protected abstract connect(): Promise<void>;

  /** After the machine is off. */
  protected abstract disconnect(): Promise<void>;
}
