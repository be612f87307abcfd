import { spawn, type ChildProcess } from "node:child_process";

/** Runs this very program as a user would, in processes of its own. */
export interface CliProcess {
  /** Shows `$ homie ARGS` and what it prints, and answers its exit code. */
  show(args: readonly string[]): Promise<number>;
  /** Runs quietly and answers what it printed. Throws with that text when it fails. */
  ask(args: readonly string[]): Promise<string>;
  /** Shows a command that goes on until `stop`. */
  follow(args: readonly string[]): { stop(): Promise<void> };
}

export interface CliProcessOptions {
  readonly home: string;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

export function createCliProcess(options: CliProcessOptions): CliProcess {
  const start = (args: readonly string[]): ChildProcess => {
    const entry = process.argv[1] ?? "";
    const argv = [...process.execArgv, entry, ...args];
    const env = { ...process.env, HOMIE_HOME: options.home };
    return spawn(process.execPath, argv, {
      cwd: options.cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      signal: options.signal,
    });
  };
  const shown = (args: readonly string[]): ChildProcess => {
    options.write(`\n$ homie ${args.map(quote).join(" ")}\n`);
    const child = start(args);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => options.write(text));
    return child;
  };
  return {
    show: (args) => ended(shown(args)),
    async ask(args) {
      const child = start(args);
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      const code = await ended(child);
      if (code !== 0) throw new Error(`homie ${args.join(" ")} exits with ${code}: ${text.trim()}`);
      return text;
    },
    follow(args) {
      const child = shown(args);
      const end = ended(child);
      return {
        async stop() {
          child.kill("SIGINT");
          await end;
        },
      };
    },
  };
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
