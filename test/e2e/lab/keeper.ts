import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

/** What a process of a machine gets of its own, as options of unshare. */
export const routerSpaces: readonly string[] = ["--net"];
export const machineSpaces: readonly string[] = ["--net", "--mount", "--mount-proc", "--uts"];

/**
 * The first process of namespaces of their own. It ends with its stdin, and everything inside ends with it: so nothing is
 * left even if the tests are killed.
 */
export class Keeper {
  readonly #unshare: ChildProcess;
  readonly #entrance: readonly string[];
  /** The first process inside, by its number outside. */
  readonly pid: number;

  private constructor(unshare: ChildProcess, pid: number, spaces: readonly string[]) {
    this.#unshare = unshare;
    this.pid = pid;
    const enterable = spaces.filter((space) => space !== "--mount-proc");
    this.#entrance = ["nsenter", "--target", String(pid), "--pid", ...enterable, "--"];
  }

  /** `setup` is a script for sh that runs inside first; `args` are its $1, $2 and so on. */
  static async open(spaces: readonly string[], setup: string, args: readonly string[] = []): Promise<Keeper> {
    // A shell that waits also reaps what others left to it: as first process it has to.
    const script = `set -e\n${setup}\necho ready\nexec 3<&0\ncat <&3 >/dev/null 3<&- &\nexec >/dev/null 2>&1\nwait $!`;
    const argv = [...spaces, "--pid", "--fork", "--kill-child", "sh", "-c", script, "keeper", ...args];
    const unshare = spawn("unshare", argv, { stdio: ["pipe", "pipe", "pipe"] });
    const complaints: Buffer[] = [];
    unshare.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
    const ended = once(unshare, "exit").then(() => "ended" as const);
    if ((await Promise.race([once(unshare.stdout, "data"), ended])) === "ended")
      throw new Error(`namespaces cannot be made: ${Buffer.concat(complaints).toString().trim()}`);
    return new Keeper(unshare, await childOf(unshare), spaces);
  }

  /** The command line that runs `command` inside. */
  inside(command: readonly string[]): readonly string[] {
    return [...this.#entrance, ...command];
  }

  /** The same, but in its network alone: there the numbers of processes are still those of outside. */
  insideNetwork(command: readonly string[]): readonly string[] {
    return ["nsenter", "--target", String(this.pid), "--net", "--", ...command];
  }

  /** Whether it still keeps anything. */
  get isOpen(): boolean {
    return this.#unshare.exitCode === null && this.#unshare.signalCode === null;
  }

  /** Ends everything inside, without a word to it. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    const ended = once(this.#unshare, "exit");
    kill(this.pid);
    await ended;
  }
}

/** Who was quicker to end is fine. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** nsenter and unshare fork; what they start is their only child. Answers its number outside. */
async function childOf(parent: ChildProcess): Promise<number> {
  const pid = Number(parent.pid);
  const [child = ""] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ");
  if (child === "") throw new Error(`process ${pid} has no child`);
  return Number(child);
}

/** As `kill -9` ends a program that was started through nsenter. */
export async function killChildOf(parent: ChildProcess): Promise<void> {
  if (parent.exitCode !== null || parent.signalCode !== null) return;
  const ended = once(parent, "exit");
  kill(await childOf(parent));
  await ended;
}
