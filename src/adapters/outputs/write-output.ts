import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HomieError } from "../../resources/errors.ts";
import { partsOf } from "./attempt-files.ts";
import type { Flushes } from "./flushes.ts";

export interface OutputToWrite {
  readonly path: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly bytes: number;
  readonly executable: boolean;
  readonly outputs: string;
  readonly signal: AbortSignal;
  readonly flushes: Flushes;
  /** Asked when the hash is known; a reason means the file is not kept. Must refuse names that are not safe. */
  admit(sha256: string): string | undefined;
}

export type WrittenOutput = { readonly hash: string } | { readonly refused: string };

/** Streams a file into place, hashing it; it is there whole or not at all, and durable once `flushes` has settled. */
export async function writeOutput(output: OutputToWrite): Promise<WrittenOutput> {
  const part = join(partsOf(output.outputs), "part");
  const mode = output.executable ? 0o755 : 0o644;
  const file = await open(part, "w", mode);
  let toFlush: FileHandle | undefined;
  try {
    // The mode given to open is cut by the umask.
    await file.chmod(mode);
    const hash = await writeBody(file, output);
    const refused = output.admit(hash);
    if (refused !== undefined) {
      await rm(part);
      return { refused };
    }
    const destination = join(output.outputs, output.path);
    await mkdir(dirname(destination), { recursive: true, mode: 0o755 });
    await rename(part, destination);
    toFlush = file;
    return { hash };
  } finally {
    await (toFlush === undefined ? file.close() : output.flushes.add(toFlush, output.bytes));
  }
}

async function writeBody(file: FileHandle, output: OutputToWrite): Promise<string> {
  const hash = createHash("sha256");
  let written = 0;
  for await (const chunk of output.body) {
    output.signal.throwIfAborted();
    written += chunk.length;
    if (written > output.bytes) break;
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  if (written !== output.bytes) {
    throw new HomieError(
      "OutputRejected",
      `${JSON.stringify(output.path)} is not the ${output.bytes} bytes it was said to be`,
    );
  }
  return hash.digest("hex");
}
