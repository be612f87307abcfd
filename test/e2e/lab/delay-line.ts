import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Keeper, killChildOf } from "./keeper.ts";

const program = fileURLToPath(new URL("delay-line.py", import.meta.url));

/** A process that holds every frame between a wire and a tap of its own making. */
export class DelayLine {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** The tap is there when this is done. */
  static async open(keeper: Keeper, wire: string, tap: string, delayMs: number): Promise<DelayLine> {
    const command = keeper.inside(["/usr/bin/python3", program, wire, tap, String(delayMs)]);
    const [nsenter = "", ...args] = command;
    const line = new DelayLine(spawn(nsenter, args, { stdio: ["pipe", "pipe", "inherit"] }));
    await line.#answer();
    return line;
  }

  async setDelay(delayMs: number): Promise<void> {
    const answer = this.#answer();
    this.#child.stdin?.write(`${delayMs}\n`);
    await answer;
  }

  /** The tap goes with it. */
  async close(): Promise<void> {
    await killChildOf(this.#child);
  }

  async #answer(): Promise<void> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("stdout is a pipe");
    const ended = once(this.#child, "exit").then(() => "ended" as const);
    if ((await Promise.race([once(stdout, "data"), ended])) === "ended") throw new Error("the delay line has ended");
  }
}
