import { fstatSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { HomieError } from "../resources/errors.ts";
import type { Terminal, TextSink, TextSource } from "./terminal.ts";

/** The real terminal of this process. Installs the handlers for Ctrl-C and for readers that go away. */
export function openNodeTerminal(process: NodeJS.Process): Terminal {
  const interrupted = new AbortController();
  const stopped = new AbortController();
  const taken: (() => void)[] = [];
  process.on("SIGINT", () => {
    const taker = taken.at(-1);
    if (taker !== undefined) return taker();
    // A second Ctrl-C means it: whatever is still being tidied up is left alone.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
  for (const stream of [process.stdout, process.stderr]) stream.on("error", (error) => endOnClosedPipe(process, error));
  let isDaemon = false;
  const mayDrop = (): boolean => isDaemon;
  return {
    env: process.env,
    directory: process.cwd(),
    output: openSink(process.stdout, process.env, mayDrop),
    errors: openSink(process.stderr, process.env, mayDrop),
    input: openSource(process),
    interrupt: interrupted.signal,
    takeInterrupts: (onInterrupt) => {
      taken.push(onInterrupt);
      return { [Symbol.dispose]: () => void taken.splice(taken.indexOf(onInterrupt), 1) };
    },
    untilStopped: () => {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stopped.abort());
      isDaemon = true;
      return stopped.signal;
    },
    now: () => new Date(),
    sleep: async (milliseconds, signal) => {
      await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
    },
  };
}

/** `homie get jobs | head -1` is no failure: whoever reads has read enough. A full disk is one. */
function endOnClosedPipe(process: NodeJS.Process, error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") process.exit(0);
  try {
    // Past the streams: one of them is what failed.
    writeSync(2, `error: ${cannotWrite(error)}\n`);
  } finally {
    process.exit(1);
  }
}

/** `mayDrop`: a daemon outlives a full disk; the lines of its log that do not fit are lost. */
function openSink(
  stream: NodeJS.WriteStream & { readonly fd: number },
  env: NodeJS.ProcessEnv,
  mayDrop: () => boolean,
): TextSink {
  // Node's stream for a file is of no use any more after its first error.
  const isFile = fstatSync(stream.fd).isFile();
  return {
    isTty: stream.isTTY === true,
    get columns() {
      const given = Number(env["COLUMNS"]);
      if (stream.isTTY !== true) return 0;
      return stream.columns > 0 ? stream.columns : Number.isSafeInteger(given) && given > 0 ? given : 0;
    },
    write: async (chunk) => {
      if (chunk.length === 0) return;
      if (isFile) return writeToFile(stream.fd, chunk, mayDrop);
      if (stream.write(chunk)) return;
      await untilDrained(stream);
    },
  };
}

/** Nobody may read on any more, so the end counts too. */
function untilDrained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}

function cannotWrite({ code, message }: NodeJS.ErrnoException): string {
  return `cannot write the output: ${code ?? message}`;
}

function writeToFile(file: number, chunk: string | Uint8Array, mayDrop: () => boolean): void {
  const bytes = Buffer.from(chunk);
  try {
    for (let offset = 0; offset < bytes.length;) offset += writeSync(file, bytes, offset);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!mayDrop() || (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EIO"))
      throw new HomieError("StateUnusable", cannotWrite(error as NodeJS.ErrnoException), { cause: error });
  }
}

function openSource(process: NodeJS.Process): TextSource {
  const readBytes = async (maxBytes: number): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) throw new HomieError("TooLarge", `read more than ${maxBytes / 1024 ** 2} MiB from stdin`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };
  return {
    isTty: process.stdin.isTTY === true,
    readAll: async (maxBytes) => (await readBytes(maxBytes)).toString(),
    readBytes,
    askLine: async (question, signal) => {
      const { createInterface } = await import("node:readline");
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await new Promise<string | undefined>((resolve) => {
          lines.once("close", () => resolve(undefined));
          lines.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
          if (signal?.aborted === true) return resolve(undefined);
          signal?.addEventListener("abort", () => lines.close(), { once: true });
          lines.question(question, resolve);
        });
      } finally {
        lines.close();
      }
    },
    askPaste: async (question, options) => {
      return await (await import("./node-paste.ts")).readPaste(process, question, options);
    },
  };
}
