import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { attemptPaths, type HomePaths } from "../../adapters/home.ts";
import { createInputStore } from "../../adapters/inputs/input-store.ts";
import { readLog } from "../../adapters/logs/read-log.ts";
import type { Lacking } from "../../adapters/peers/host-port.ts";
import type { ImageShare } from "../../adapters/peers/image-port.ts";
import { spendMemory } from "../../adapters/system/memory-thrift.ts";
import { encodeFrame } from "../../logs/frames.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";

/** What lies on this machine for attempts of others. */
export interface HostFiles {
  /** Lets go of files nobody has used for long, but never of those of these attempts. */
  tidy(attempts: readonly Attempt[]): Promise<void>;
  lacking(attempt: Attempt): Promise<Lacking>;
  receiveInputs(attempt: Attempt, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  receiveImage(attempt: Attempt, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  log(attempt: Attempt, from: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  outputs(
    attempt: Attempt,
    from: { readonly index: number; readonly offset: number },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}

const readBytes = 256 * 1024;

export interface HostFilesOptions {
  readonly paths: HomePaths;
  /** Absent where no container engine is used. */
  readonly images?: ImageShare;
}

export function createHostFiles({ paths, images }: HostFilesOptions): HostFiles {
  const inputs = createInputStore(paths);
  return {
    tidy: (attempts) =>
      inputs.collectGarbage({
        keep: attempts.flatMap(({ spec }) => spec.hosted?.inputs ?? []),
        maxBytes: maxKeptInputBytes,
      }),
    async lacking(attempt) {
      const hosted = hostedOf(attempt);
      const [wanted, image] = await Promise.all([inputs.wanted(hosted.inputs), lackingImage(attempt, images)]);
      return { inputs: wanted.complete ? [] : wanted.blobs, ...(image === undefined ? {} : { image }) };
    },
    async receiveInputs(attempt, body, signal) {
      using _memory = spendMemory();
      const maxBytes = attempt.spec.resources.diskBytes;
      await inputs.receive(hostedOf(attempt).inputs, body, { maxBytes, signal });
    },
    async receiveImage(attempt, body, signal) {
      const { image } = hostedOf(attempt);
      if (image === undefined || images === undefined) throw new HomieError("PeerRefused", "no image was asked for");
      using _memory = spendMemory();
      await images.importLayers(image, body, { maxBytes: maxImageBytes, signal });
    },
    log: (attempt, from, signal) => readFrames(attempt, { paths, from, signal }),
    outputs: (attempt, from, signal) => readOutputs(attempt, { paths, from, signal }),
  };
}

/** Of all submitters together; what travels again is only time. */
const maxKeptInputBytes = 10 * 2 ** 30;
const maxImageBytes = 64 * 2 ** 30;

async function lackingImage(attempt: Attempt, images: ImageShare | undefined): Promise<Lacking["image"]> {
  const { image } = hostedOf(attempt);
  if (image === undefined || images === undefined || attempt.spec.runtime !== "docker") return undefined;
  const found = await images.lacking(image);
  return found.present ? undefined : found.missing;
}

function hostedOf({ spec }: Attempt): NonNullable<Attempt["spec"]["hosted"]> {
  if (spec.hosted === undefined) throw new HomieError("InternalError", "the attempt is no hosted one");
  return spec.hosted;
}

interface LogReading {
  readonly paths: HomePaths;
  readonly from: number;
  readonly signal: AbortSignal;
}

/** Frames encode to the bytes they were read from, so offsets are the same on both machines. */
async function* readFrames(attempt: Attempt, { paths, from, signal }: LogReading): AsyncIterable<Uint8Array> {
  const { log } = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
  const over = attempt.status?.phase === "Finished";
  if (over) await stat(log).catch(() => Promise.reject(new HomieError("NotFound", "there is no log")));
  yield new Uint8Array(0);
  for await (const { stream, timeNs, bytes } of readLog(log, { from, follow: !over, signal }))
    yield encodeFrame(stream, timeNs, bytes);
}

interface OutputReading {
  readonly paths: HomePaths;
  readonly from: { readonly index: number; readonly offset: number };
  readonly signal: AbortSignal;
}

async function* readOutputs(attempt: Attempt, { paths, from, signal }: OutputReading): AsyncIterable<Uint8Array> {
  const { outputs: root } = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
  using _memory = spendMemory();
  const outputs = attempt.status?.phase === "Finished" ? (attempt.status.outputs ?? []) : [];
  let { offset } = from;
  yield new Uint8Array(0);
  for (const { path, bytes } of outputs.slice(from.index)) {
    yield* readPart(join(root, path), { offset, bytes, signal });
    offset = 0;
  }
}

async function* readPart(
  path: string,
  part: { readonly offset: number; readonly bytes: number; readonly signal: AbortSignal },
): AsyncIterable<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (let position = part.offset; position < part.bytes;) {
      part.signal.throwIfAborted();
      const buffer = Buffer.allocUnsafe(Math.min(readBytes, part.bytes - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new HomieError("OutputRejected", `${path} is shorter than it was`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
