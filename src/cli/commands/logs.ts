import type { Client } from "../client.ts";
import { objectPath } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { findKind, parseJobName } from "../kinds.ts";
import { followLog } from "../log-following.ts";
import { createLogPrinter } from "../log-printer.ts";
import type { LogPrinter } from "../log-printer.ts";
import { createLineTail, readFrames } from "../log-reading.ts";
import type { LogPlace, LogProgress } from "../log-reading.ts";

export interface LogsOptions {
  readonly follow?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly tail?: string;
  readonly attempt?: string;
  readonly raw?: boolean;
}

interface Reading {
  readonly context: CommandContext;
  readonly client: Client;
  readonly path: string;
  readonly printer: LogPrinter;
  readonly stream: "stdout" | "stderr" | undefined;
  readonly tail: number | undefined;
  readonly attempt: number | undefined;
}

export async function runLogs(context: CommandContext, word: string, options: LogsOptions): Promise<number> {
  const name = parseJobName(word);
  if (options.stdout === true && options.stderr === true) {
    throw new HomieError("Usage", "--stdout and --stderr exclude each other", { hint: "leave both out to see both" });
  }
  const stream: Reading["stream"] = options.stdout === true ? "stdout" : options.stderr === true ? "stderr" : undefined;
  const tail = readCount("--tail", options.tail, 0);
  const attempt = readCount("--attempt", options.attempt, 1);
  const printer = createLogPrinter(context.terminal, { stream, raw: options.raw === true });
  return await context.withClient("daemon", async (client) => {
    const reading = {
      context,
      client,
      path: `${objectPath(findKind("job"), name)}/log`,
      printer,
      stream,
      tail,
      attempt,
    };
    await (options.follow === true ? follow(reading) : readOnce(reading));
    await printer.end();
    return exitCodes.ok;
  });
}

function readCount(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/u.test(text) && Number(text) >= least) return Number(text);
  throw new HomieError("Usage", `${flag} takes a whole number from ${least} on, not ${JSON.stringify(text)}`);
}

async function readOnce(reading: Reading): Promise<void> {
  const { client, path, attempt, printer, tail, stream } = reading;
  if (tail !== undefined && stream !== undefined) return void (await printStreamTail(reading, { attempt }));
  const progress: LogProgress = { attempt: undefined, offset: undefined };
  for await (const frame of readFrames(client, path, { attempt, tailLines: tail }, progress))
    await printer.print(frame);
}

/** The API counts lines of both streams together; those of one are counted here. */
async function printStreamTail(reading: Reading, place: LogPlace): Promise<LogProgress> {
  const progress: LogProgress = { attempt: undefined, offset: undefined };
  const lines = createLineTail(reading.tail ?? 0);
  for await (const frame of readFrames(reading.client, reading.path, place, progress)) {
    if (frame.stream === reading.stream) lines.push(frame);
  }
  for (const frame of lines.frames()) await reading.printer.print(frame);
  return progress;
}

/** Follows until the job is over. */
async function follow(reading: Reading): Promise<void> {
  const { client, path, printer, attempt, context } = reading;
  const tailLines = reading.stream === undefined ? reading.tail : undefined;
  const progress = await startFollowing(reading);
  const source = { client, path, attempt, tailLines, terminal: context.terminal };
  await followLog(source, progress, async (frame) => await printer.print(frame));
}

async function startFollowing(reading: Reading): Promise<LogProgress> {
  if (reading.tail === undefined || reading.stream === undefined) return { attempt: undefined, offset: undefined };
  try {
    return await printStreamTail(reading, { attempt: reading.attempt });
  } catch (error) {
    // Nothing was written yet: then there is no last line either.
    if (error instanceof HomieError && error.code === "NotFound") return { attempt: undefined, offset: undefined };
    throw error;
  }
}
