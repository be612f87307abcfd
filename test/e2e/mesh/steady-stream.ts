import type { ChildProcess } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LabHost } from "../lab/host.ts";

const program = fileURLToPath(new URL("stream-program.ts", import.meta.url));
const port = "7100";

/** A transfer over TCP between two machines, until it is stopped. */
export class SteadyStream {
  readonly #giver: ChildProcess;
  readonly #sides: readonly AsyncIterator<string>[];

  private constructor(giver: ChildProcess, sides: readonly AsyncIterator<string>[]) {
    this.#giver = giver;
    this.#sides = sides;
  }

  /** To the address of the taker. */
  static async open(giver: LabHost, taker: LabHost, address: string): Promise<SteadyStream> {
    const takes = linesOf(taker.start(process.execPath, program, "take", address, port));
    await takes.next();
    const child = giver.start(process.execPath, program, "give", address, port);
    const gives = linesOf(child);
    await gives.next();
    return new SteadyStream(child, [gives, takes]);
  }

  /** Answers what each side has to say of it, `BYTES SHA256`; undefined: its connection broke. */
  async stop(): Promise<{ readonly given: string | undefined; readonly taken: string | undefined }> {
    this.#giver.stdin?.end();
    const said = await Promise.all(this.#sides.map((side) => side.next()));
    const [given, taken] = said.map((line) => (line.done === true ? undefined : line.value));
    return { given, taken };
  }
}

function linesOf({ stdout }: ChildProcess): AsyncIterator<string> {
  if (stdout === null) throw new Error("stdout is a pipe");
  const lines: Interface = createInterface({ input: stdout });
  return lines[Symbol.asyncIterator]();
}
