import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The exact bytes of stdout. */
  readonly bytes: Buffer;
}

/** A home of a test's own and the real command line in processes of their own. */
export class TestHome {
  readonly root: string;
  readonly home: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.root = mkdtempSync(join(tmpdir(), "homie-e2e-"));
    this.home = join(this.root, "home");
    this.#env = { ...process.env, HOMIE_HOME: this.home, NO_COLOR: "1", ...env };
  }

  start(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [entry, ...args], {
      cwd: this.root,
      env: this.#env,
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  run(args: readonly string[], input?: string): Promise<Answer> {
    const child = this.start(args);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin?.end(input);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        const bytes = Buffer.concat(out);
        resolve({ code: code ?? -1, stdout: bytes.toString(), stderr: Buffer.concat(err).toString(), bytes });
      });
    });
  }

  /** What a terminal gets to see of a command. */
  async onTerminal(args: readonly string[]): Promise<string> {
    const words = [process.execPath, entry, ...args];
    const odd = words.find((word) => !/^[\w/.=:-]+$/.test(word));
    if (odd !== undefined) throw new Error(`${odd} needs quoting, which \`script\` leaves to a shell`);
    const child = spawn("script", ["-qec", words.join(" "), "/dev/null"], {
      cwd: this.root,
      env: { ...this.#env, TERM: "xterm" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = (await once(child, "close")) as [number | null];
    const seen = Buffer.concat(chunks).toString();
    if (code !== 0) throw new Error(`homie ${args.join(" ")} exits with ${code}\n${seen}`);
    return seen;
  }

  /** As `run`, for commands that must not fail. */
  async ok(args: readonly string[], input?: string): Promise<string> {
    const answer = await this.run(args, input);
    if (answer.code !== 0)
      throw new Error(`homie ${args.join(" ")} exits with ${answer.code}\n${answer.stdout}${answer.stderr}`);
    return answer.stdout;
  }

  async json(args: readonly string[]): Promise<Record<string, unknown>> {
    return JSON.parse(await this.ok([...args, "-o", "json"])) as Record<string, unknown>;
  }

  pid(): number {
    return Number.parseInt(readFileSync(join(this.home, "run", "homie.pid"), "utf8"), 10);
  }

  async close(): Promise<void> {
    await this.run(["down"]);
    rmSync(this.root, { recursive: true, force: true });
  }
}
