import type Docker from "dockerode";
import type { ImageOutcome } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Engine } from "./connect.ts";
import { engineMessage, isNotFound, isUnreachable, translateEngineError } from "./engine-error.ts";
import { isDigest } from "./image-content.ts";
import { readJsonLines } from "./json-lines.ts";
import { parsePullRef } from "./pull-ref.ts";
import { isPassing, watchSilence } from "./pull-trouble.ts";
import { answerMs, within } from "./within.ts";

export interface Images {
  /** The local image, as the engine describes it; undefined when it has none of that name. */
  find(reference: string): Promise<Docker.ImageInspectInfo | undefined>;
  /**
   * Finds the image or pulls it anonymously. Throws EngineUnavailable, RegistryUnavailable for what another try may mend, or
   * the reason of an aborted signal.
   */
  prepare(reference: string | undefined, signal: AbortSignal): Promise<ImageOutcome>;
  /** The image of this content, which another machine calls `reference`; the same name may be another image here. */
  prepareExact(imageId: string, reference: string | undefined, signal: AbortSignal): Promise<ImageOutcome>;
}

/** The images a Job may bring onto a machine: enough for CUDA with a framework, not enough to fill a disk. */
const maxPullBytes = 10 * 1024 ** 3;
/** Long enough to spare a registry a loop of questions, short enough for a person who just ran `docker load`. */
const refusalMs = 5_000;
const progressEveryMs = 5_000;
/** An image may be removed at any time; then the engine refuses the container. */
const sameMs = 1_000;

export function createImages(engine: Engine, clock: Clock, log: Logger): Images {
  const refusals = new Map<string, { readonly untilMs: number; readonly message: string }>();

  const find = createFinder(engine, clock);

  async function prepare(reference: string | undefined, signal: AbortSignal): Promise<ImageOutcome> {
    if (reference === undefined || reference === "")
      return missing("the Job names no image; set spec.image or spec.environment");
    const found = await find(reference);
    if (found !== undefined) return { ok: true, imageId: found.Id };
    const refused = refusals.get(reference);
    if (refused !== undefined && clock.monotonicMs() < refused.untilMs) return missing(refused.message);
    refusals.delete(reference);
    const failure = await pull(reference, signal);
    signal.throwIfAborted();
    const pulled = failure === undefined ? await find(reference) : undefined;
    if (pulled !== undefined) return { ok: true, imageId: pulled.Id };
    if (failure !== undefined && isPassing(failure)) {
      throw new HomieError("RegistryUnavailable", `cannot pull image "${reference}" now, and tries again: ${failure}`);
    }
    const message = renderMissing(reference, failure ?? "the pull ended without the image");
    refusals.set(reference, { untilMs: clock.monotonicMs() + refusalMs, message });
    return missing(message);
  }

  /** What the registry or the engine said against it; undefined when the pull went through. */
  async function pull(reference: string, signal: AbortSignal): Promise<string | undefined> {
    const wanted = parsePullRef(reference);
    if (wanted === undefined) return "it is an image id or no valid name, so no registry can be asked";
    log.info("pulling an image", { image: reference });
    await using silence = watchSilence(clock, signal);
    try {
      const stream = await engine.docker().createImage({ ...wanted, abortSignal: silence.signal });
      return await followPull(silence.hear(stream), progressLogger(reference));
    } catch (error) {
      signal.throwIfAborted();
      if (silence.signal.aborted) return silence.message;
      if (isUnreachable(error) || error instanceof HomieError) {
        throw translateEngineError(error, "ImageMissing", `cannot pull the image "${reference}"`);
      }
      return engineMessage(error);
    }
  }

  function progressLogger(image: string): (doneBytes: number, totalBytes: number) => void {
    let nextMs = clock.monotonicMs() + progressEveryMs;
    return (doneBytes, totalBytes): void => {
      if (clock.monotonicMs() < nextMs) return;
      nextMs = clock.monotonicMs() + progressEveryMs;
      log.info("still pulling an image", { image, doneBytes, totalBytes });
    };
  }

  return {
    find,
    prepare,
    prepareExact: (imageId, reference, signal) => prepareExact({ find, prepare }, { imageId, reference }, signal),
  };
}

async function prepareExact(
  { find, prepare }: Pick<Images, "find" | "prepare">,
  wanted: { readonly imageId: string; readonly reference: string | undefined },
  signal: AbortSignal,
): Promise<ImageOutcome> {
  const { imageId, reference: name = imageId } = wanted;
  const found = isDigest(imageId) ? await find(imageId) : undefined;
  if (found?.Id === imageId) return { ok: true, imageId };
  const otherThan = "is another one than on the submitter's machine, which did not send it";
  // A pull gives the name to what it fetches, so a name that is in use here is left alone.
  if ((await find(name)) !== undefined) return missing(`image "${name}" of this machine ${otherThan}`);
  const pulled = await prepare(name, signal);
  if (!pulled.ok || pulled.imageId === imageId) return pulled;
  return missing(`image "${name}" of its registry ${otherThan}`);
}

async function followPull(
  stream: AsyncIterable<Buffer>,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<string | undefined> {
  const layers = new Map<string, { readonly done: number; readonly total: number }>();
  for await (const line of readJsonLines(stream)) {
    const { error, id, status, progressDetail } = line as PullLine;
    if (typeof error === "string") return error;
    if (status !== "Downloading" || typeof id !== "string") continue;
    layers.set(id, { done: progressDetail?.current ?? 0, total: progressDetail?.total ?? 0 });
    const done = [...layers.values()].reduce((sum, layer) => sum + layer.done, 0);
    const total = [...layers.values()].reduce((sum, layer) => sum + Math.max(layer.total, layer.done), 0);
    // Leaving the loop closes the connection, and the engine gives the pull up.
    if (total > maxPullBytes)
      return `its layers hold ${total} bytes, more than the ${maxPullBytes} that are pulled for a Job`;
    onProgress(done, total);
  }
  return undefined;
}

interface PullLine {
  readonly error?: unknown;
  readonly id?: unknown;
  readonly status?: unknown;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

function missing(message: string): ImageOutcome {
  return { ok: false, reason: "ImageMissing", message };
}

function createFinder(engine: Engine, clock: Clock): Images["find"] {
  /** The one last asked for: whoever prepares an image asks for the same content, by its id, a moment later. */
  let last: { readonly image: Docker.ImageInspectInfo; readonly untilMs: number } | undefined;

  return async (reference) => {
    if (last?.image.Id === reference && clock.monotonicMs() < last.untilMs) return last.image;
    try {
      const image = await within(answerMs, () => engine.docker().getImage(reference).inspect());
      last = { image, untilMs: clock.monotonicMs() + sameMs };
      return image;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw translateEngineError(error, "ImageMissing", `cannot look up the image "${reference}"`);
    }
  };
}

function renderMissing(reference: string, because: string): string {
  return (
    `image "${reference}" is not on this machine and could not be pulled: ${because}. ` +
    "Bring it with `docker load` or `docker import`, make it with `homie env create`, or correct the name"
  );
}
