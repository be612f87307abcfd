import { createHash, type Hash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Attempt, StagedOutput } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { attemptPaths, type HomePaths } from "../home.ts";
import { spendMemory } from "../system/memory-thrift.ts";
import { PartWriter } from "./part-writer.ts";

export interface OutputFetch {
  readonly paths: HomePaths;
  readonly outputs: readonly StagedOutput[];
  readonly signal: AbortSignal;
  /** Bytes of all outputs in order, from one place on. */
  readonly fetch: (from: { readonly index: number; readonly offset: number }) => Promise<AsyncIterable<Uint8Array>>;
}

/**
 * Brings the outputs of an attempt from another machine into `runs/UID/ATTEMPT/outputs/`, where the publisher expects
 * them. Each lands under its name only when its bytes have the promised hash; what was cut is gone on with, not begun
 * anew. Throws OutputRejected when the executor sends other bytes than it promised.
 */
export async function fetchOutputs(attempt: Attempt, asked: OutputFetch): Promise<void> {
  const { root, outputs: target } = attemptPaths(asked.paths, attempt.spec.job.uid, attempt.spec.attempt);
  const part = join(root, "incoming");
  await mkdir(target, { recursive: true, mode: 0o700 });
  let index = 0;
  while (index < asked.outputs.length && (await isHome(target, asked.outputs[index]))) index += 1;
  if (index === asked.outputs.length) return;
  using _memory = spendMemory();
  const incoming = await openPart(part, asked.outputs[index]);
  const receiver = new Receiver({ target, part, outputs: asked.outputs }, index, incoming);
  try {
    await receiver.takeEmpty();
    if (receiver.isComplete) return;
    for await (const chunk of await asked.fetch(receiver.place)) {
      asked.signal.throwIfAborted();
      // The end of the answer is waited for, so that the connection can be used again; nothing else may come.
      if (receiver.isComplete) break;
      await receiver.take(chunk);
    }
    if (receiver.isComplete) return;
  } finally {
    await receiver.close();
  }
  throw new HomieError("PeerUnreachable", "the outputs broke off; homie goes on where they did");
}

async function isHome(target: string, output: StagedOutput | undefined): Promise<boolean> {
  if (output === undefined) return false;
  const facts = await stat(join(target, output.path)).catch(() => undefined);
  return facts?.isFile() === true && facts.size === output.bytes;
}

interface Part {
  readonly file: FileHandle;
  readonly offset: number;
  readonly hash: Hash;
}

/** What came of this output before it was cut. A part of another one is longer or ends with another hash: begun anew. */
async function openPart(path: string, output: StagedOutput | undefined): Promise<Part> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600);
  const { size } = await file.stat();
  const hash = createHash("sha256");
  if (output === undefined || size >= output.bytes) {
    await file.truncate(0);
    return { file, offset: 0, hash };
  }
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { file, offset: size, hash };
}

interface Landing {
  readonly target: string;
  readonly part: string;
  readonly outputs: readonly StagedOutput[];
}

/** Cuts the stream into files. */
class Receiver {
  readonly #landing: Landing;
  readonly #writer: PartWriter;
  #index: number;
  #part: Part;
  #offset: number;

  constructor(landing: Landing, index: number, part: Part) {
    this.#landing = landing;
    this.#writer = new PartWriter(part.file, part.offset);
    this.#index = index;
    this.#part = part;
    this.#offset = part.offset;
  }

  get place(): { readonly index: number; readonly offset: number } {
    return { index: this.#index, offset: this.#offset };
  }

  get isComplete(): boolean {
    return this.#index >= this.#landing.outputs.length;
  }

  async take(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      const output = this.#landing.outputs[this.#index];
      if (output === undefined) throw new HomieError("OutputRejected", "the executor sends more than it promised");
      const piece = rest.subarray(0, output.bytes - this.#offset);
      rest = rest.subarray(piece.length);
      const written = this.#writer.add(piece);
      this.#part.hash.update(piece);
      if (written !== undefined) await written;
      this.#offset += piece.length;
      if (this.#offset === output.bytes) await this.#land(output);
      await this.takeEmpty();
    }
  }

  /** Empty files have no bytes that could bring them. */
  async takeEmpty(): Promise<void> {
    for (
      let output = this.#landing.outputs[this.#index];
      output?.bytes === 0;
      output = this.#landing.outputs[this.#index]
    )
      await this.#land(output);
  }

  async close(): Promise<void> {
    // What came before a cut is where the next try goes on.
    try {
      await this.#writer.flush();
    } finally {
      await this.#part.file.close();
    }
    if (this.isComplete) await rm(this.#landing.part, { force: true });
  }

  async #land(output: StagedOutput): Promise<void> {
    const { target, part } = this.#landing;
    const sha256 = this.#part.hash.digest("hex");
    await this.#writer.flush();
    await this.#part.file.datasync();
    await this.#part.file.close();
    if (sha256 !== output.sha256) {
      await rm(part, { force: true });
      await this.#beginPart();
      throw new HomieError("OutputRejected", `${output.path} does not have the promised sha256`);
    }
    const path = join(target, output.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(part, path);
    this.#index += 1;
    this.#offset = 0;
    await this.#beginPart();
  }

  async #beginPart(): Promise<void> {
    this.#part = await openPart(this.#landing.part, undefined);
    this.#writer.turnTo(this.#part.file, 0);
  }
}
