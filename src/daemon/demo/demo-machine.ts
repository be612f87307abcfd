import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { homePaths } from "../../adapters/home.ts";
import { loadIdentity } from "../../adapters/identity/identity-file.ts";
import { HomieError } from "../../resources/errors.ts";

/** One of the demo's two machines: a home of its own, and this very program run in it as a user would. */
export interface DemoMachine {
  readonly name: string;
  readonly home: string;
  /** Node id. */
  readonly node: string;
  /** Where its user sits. */
  readonly directory: string;
  /** Starts the daemon. Is not interrupted half way: who stops a daemon has to know that it is there. */
  up(): Promise<void>;
  /** Shows `name$ homie ARGS` and what it prints, and answers its exit code. */
  show(args: readonly string[]): Promise<number>;
  /** Runs quietly and answers what it printed. Throws with that text when it fails. */
  ask(args: readonly string[]): Promise<string>;
  /** Runs to its end whatever happens meanwhile, for tidying up; answers what it printed, undefined when it failed. */
  settle(args: readonly string[], shown?: boolean): string | undefined;
}

export interface DemoMachineOptions {
  readonly name: string;
  /** Home and working directory are made below it. */
  readonly root: string;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

/** What config.yaml and desired/limits.yaml say before the first start. */
export interface DemoSettings {
  readonly groupSecret: string;
  /** 0: any. */
  readonly port: number;
  readonly limits: object;
}

const settleMs = 60_000;

/** Writes the home. Nothing runs yet. */
export async function createDemoMachine(options: DemoMachineOptions, settings: DemoSettings): Promise<DemoMachine> {
  const home = join(options.root, options.name, ".homie");
  const directory = join(options.root, options.name, "work");
  await mkdir(directory, { recursive: true });
  await mkdir(join(home, "desired"), { recursive: true, mode: 0o700 });
  await chmod(home, 0o700);
  const limits = { apiVersion: "homie.dev/v1", kind: "Limits", metadata: { name: "default" }, spec: settings.limits };
  const config = [
    `name: ${options.name}`,
    `group_secret: ${settings.groupSecret}`,
    "discovery_port: 0",
    `worker_port: ${settings.port}`,
  ];
  await writeFile(join(home, "config.yaml"), `${config.join("\n")}\n`, { mode: 0o600 });
  // JSON is YAML, too.
  await writeFile(join(home, "desired", "limits.yaml"), `${JSON.stringify(limits)}\n`, { mode: 0o600 });
  return createCommands(options, home, directory);
}

function createCommands(options: DemoMachineOptions, home: string, directory: string): DemoMachine {
  const { name, signal, write } = options;
  const command = (args: readonly string[]): readonly string[] => [...process.execArgv, process.argv[1] ?? "", ...args];
  const env = { ...process.env, HOMIE_HOME: home };
  const announce = (args: readonly string[]): void => write(`\n${name}$ homie ${args.map(quote).join(" ")}\n`);
  // In a process group of its own: Ctrl-C reaches the demo alone, which then ends things in their order.
  const start = (args: readonly string[], ending: { signal?: AbortSignal }): ChildProcess =>
    spawn(process.execPath, command(args), {
      ...{ cwd: directory, env, detached: true, ...ending },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const show = (args: readonly string[], ending: { signal?: AbortSignal }): Promise<number> => {
    announce(args);
    const child = start(args, ending);
    collect(child, write);
    return ended(child);
  };
  return {
    ...{ name, home, directory },
    node: loadIdentity(homePaths(home).identity).nodeId,
    async up() {
      const code = await show(["up", "-d"], {});
      signal.throwIfAborted();
      if (code !== 0) throw new HomieError("ProcessFailed", `the daemon of ${name} does not start`);
    },
    show: (args) => show(args, { signal }),
    async ask(args) {
      const child = start(args, { signal });
      let text = "";
      collect(child, (chunk) => (text += chunk));
      const code = await ended(child);
      if (code === 0) return text;
      throw new HomieError("ProcessFailed", `homie ${args.join(" ")} of ${name} exits with ${code}: ${text.trim()}`);
    },
    settle(args, shown = false) {
      if (shown) announce(args);
      const { status, stdout, stderr } = spawnSync(process.execPath, command(args), {
        ...{ cwd: directory, env, detached: true, timeout: settleMs },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      if (shown) write(`${stdout}${stderr}`);
      return status === 0 ? stdout : undefined;
    },
  };
}

function collect(child: ChildProcess, take: (text: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", take);
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 130));
  });
}

function quote(word: string): string {
  return /^[\w./:=@%,-]+$/.test(word) ? word : `'${word}'`;
}
