import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LabHost } from "./host.ts";

const program = fileURLToPath(new URL("talk-program.ts", import.meta.url));

/** A program on a machine that speaks UDP and TCP from one port. */
export class Talker {
  readonly host: LabHost;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #events: Record<string, unknown>[] = [];
  #wake: (() => void) | undefined;
  #hasEnded = false;

  private constructor(host: LabHost, port: number) {
    this.host = host;
    this.port = port;
    this.#child = host.start(process.execPath, program, String(port));
    if (this.#child.stdout === null) throw new Error("stdout is a pipe");
    createInterface({ input: this.#child.stdout })
      .on("line", (line) => {
        this.#events.push(JSON.parse(line) as Record<string, unknown>);
        this.#wake?.();
      })
      .on("close", () => {
        this.#hasEnded = true;
        this.#wake?.();
      });
  }

  static async open(host: LabHost, port = 7000): Promise<Talker> {
    const talker = new Talker(host, port);
    await talker.#next("ready");
    return talker;
  }

  /** Every datagram so far that nobody waited for. */
  get heard(): readonly string[] {
    return this.#events.flatMap((event) => ("heard" in event ? [String(event["heard"])] : []));
  }

  /** Sent when this is done, which does not say that it arrives. */
  async say(say: string, to: { readonly address: string; readonly port: number }): Promise<void> {
    this.#child.stdin?.write(`${JSON.stringify({ say, to: to.address, port: to.port })}\n`);
    const { said } = await this.#next("said");
    if (said !== true) throw new Error(String(said));
  }

  /** Waits for a datagram with this text, and takes it. */
  async hear(text: string): Promise<{ readonly address: string; readonly port: number }> {
    const event = await this.#next("heard", text);
    return { address: String(event["from"]), port: Number(event["port"]) };
  }

  /** Speaks to another, who hears it. Answers whom they take it from. */
  async reach(other: Talker, to = { address: other.host.address, port: other.port }): ReturnType<Talker["hear"]> {
    const text = `from ${this.host.name} to ${other.host.name}`;
    await this.say(text, to);
    return other.hear(text);
  }

  /** Sends so many bytes over TCP. Answers what the other side has to say: `1000 bytes from 203.0.113.10`. */
  async upload(bytes: number, other: Talker): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify({ connect: other.host.address, port: other.port, bytes })}\n`);
    return String((await this.#next("connected"))["connected"]);
  }

  async #next(kind: string, text?: string): Promise<Record<string, unknown>> {
    for (;;) {
      const index = this.#events.findIndex((event) => kind in event && (text === undefined || event[kind] === text));
      const [event] = index === -1 ? [] : this.#events.splice(index, 1);
      if (event !== undefined) return event;
      if (this.#hasEnded) throw new Error(`the talker on ${this.host.name} has ended`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
