import type { ImageShare } from "../../adapters/peers/image-port.ts";
import type { HomePaths } from "../../adapters/home.ts";
import { packInputs, sendBlobs, type PackedInputs } from "../../adapters/inputs/pack-inputs.ts";
import { fetchOutputs } from "../../adapters/outputs/fetch-outputs.ts";
import type { Lacking } from "../../adapters/peers/host-port.ts";
import type { PeerClient } from "../../adapters/peers/peer-client.ts";
import type { Executors, ExecutorAnswer, RemoteStageOutcome } from "../../controllers/remote/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt, AttemptReport, ImageFacts } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { lostAfterMs } from "../../controllers/remote/plan.ts";
import { sealMessage } from "../../trust/claim.ts";
import type { GroupKeys } from "../../trust/group-secret.ts";
import { Following } from "./following.ts";
import { readLacking } from "./read-answers.ts";
import { Transfers, type Transfer } from "./transfers.ts";

export interface ExecutorsOptions {
  readonly client: PeerClient;
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly log: Logger;
  /** Node id of this machine. */
  readonly own: string;
  readonly keys: Pick<GroupKeys, "claim">;
  /** Absent where no container engine is used. */
  readonly images?: ImageShare;
  readonly wake: (attemptName: string) => void;
}

const answerMs = 10_000;
/** The executor may have to look through many files, or load an image. */
const slowAnswerMs = 300_000;
const collectMs = 24 * 3_600_000;
/** Enough for a file that changes while it is sent, not for one that never rests. */
const mostRounds = 64;

/** Attempts of this machine on its peers. */
export class PeerExecutors implements Executors {
  readonly #options: ExecutorsOptions;
  readonly #following = new Map<string, Following>();
  readonly #transfers = new Transfers();
  readonly #lost = new Set<string>();

  constructor(options: ExecutorsOptions) {
    this.#options = options;
  }

  /** What is on its way for this attempt right now. */
  transferOf(attemptName: string): Transfer | undefined {
    return this.#transfers.of(attemptName);
  }

  /** This machine is out of the network: nobody waits for it any longer than for one that is silent for good. */
  lose(node: string): void {
    this.#lost.add(node);
    for (const [name, following] of this.#following) if (following.node === node) this.#options.wake(name);
  }

  close(): void {
    for (const following of this.#following.values()) following.end();
    this.#following.clear();
  }

  async stage(attempt: Attempt, signal: AbortSignal): Promise<RemoteStageOutcome> {
    const { paths, images, log } = this.#options;
    try {
      const { root: homieRoot, hashCache: cachePath } = paths;
      const [packed, image] = await Promise.all([
        packInputs(attempt.spec.sources, { homieRoot, cachePath, signal }),
        this.#describe(attempt, images),
      ]);
      for (let round = 0; round < mostRounds; round += 1) {
        const lacking = await this.#offer(attempt, packed, image, signal);
        if (lacking.inputs.length === 0 && (lacking.image ?? []).length === 0) return { ok: true };
        await this.#send(attempt, { packed, image, lacking }, signal);
      }
      return { ok: false, reason: "StageFailed", message: "the executor never has enough of the files" };
    } catch (error) {
      if (!(error instanceof HomieError)) throw error;
      const failure = stageFailure(error);
      if (failure === undefined) throw error;
      log.warn("an attempt cannot be staged", { attempt: attempt.metadata.name, error });
      return { ok: false, ...failure };
    }
  }

  /** Without an engine here, or without the image, the executor has to have or to get it. */
  async #describe({ spec }: Attempt, images: ImageShare | undefined): Promise<ImageFacts | undefined> {
    if (images === undefined || spec.image === undefined || spec.runtime !== "docker") return undefined;
    try {
      return await images.describe(spec.image);
    } catch (error) {
      if (error instanceof HomieError && error.code === "EngineUnavailable") return undefined;
      throw error;
    }
  }

  async #offer(
    attempt: Attempt,
    packed: PackedInputs,
    image: ImageFacts | undefined,
    signal: AbortSignal,
  ): Promise<Lacking> {
    const { own, keys } = this.#options;
    const offer = { attempt: attempt.metadata.name, inputs: packed.root, ...(image === undefined ? {} : { image }) };
    const text = JSON.stringify(offer);
    const seal = sealMessage(keys, { purpose: "offer", from: own, to: nodeOf(attempt), bytes: Buffer.from(text) });
    const body = { offer: text, seal };
    const asked = { method: "POST", path: pathOf(attempt, "offer"), body, answerMs: slowAnswerMs, signal } as const;
    return readLacking(await this.#options.client.ask(nodeOf(attempt), asked));
  }

  async #send(
    attempt: Attempt,
    sent: { readonly packed: PackedInputs; readonly image: ImageFacts | undefined; readonly lacking: Lacking },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, images } = this.#options;
    const { packed, image, lacking } = sent;
    const put = (verb: string, stream: AsyncIterable<Uint8Array>): Promise<unknown> =>
      client.ask(nodeOf(attempt), {
        method: "PUT",
        path: pathOf(attempt, verb),
        stream,
        answerMs: slowAnswerMs,
        signal,
      });
    const { name } = attempt.metadata;
    const count = (
      what: Transfer["what"],
      parts: Sized,
      stream: AsyncIterable<Uint8Array>,
    ): AsyncIterable<Uint8Array> => this.#transfers.count(name, { what, ...parts }, stream);
    if (lacking.inputs.length > 0)
      await put("inputs", count("inputs", sizeOf(lacking.inputs), sendBlobs(packed, lacking.inputs, signal)));
    if (images !== undefined && image !== undefined && lacking.image !== undefined && lacking.image.length > 0)
      await put(
        "image",
        count("image", sizeOf(lacking.image, image.bytes), images.exportLayers(image, lacking.image, signal)),
      );
  }

  begin(attempt: Attempt): Promise<ExecutorAnswer> {
    return this.#tell(attempt, "begin", {});
  }

  stop(attempt: Attempt, { reason, message }: Parameters<Executors["stop"]>[1]): Promise<ExecutorAnswer> {
    return this.#tell(attempt, "stop", { reason, message });
  }

  async dismiss(attempt: Attempt): Promise<ExecutorAnswer | "pending"> {
    const answer = await this.#ask(attempt, "dismiss", {});
    if (answer === "unknown") return "unknown";
    return (answer as { readonly state?: unknown } | null)?.state === "pending" ? "pending" : "done";
  }

  async #tell(attempt: Attempt, verb: string, body: object): Promise<ExecutorAnswer> {
    return (await this.#ask(attempt, verb, body)) === "unknown" ? "unknown" : "done";
  }

  async #ask(attempt: Attempt, verb: string, body: object): Promise<unknown> {
    try {
      return await this.#options.client.ask(nodeOf(attempt), {
        method: "POST",
        path: pathOf(attempt, verb),
        body,
        answerMs,
      });
    } catch (error) {
      if (error instanceof HomieError && error.code === "NotFound") return "unknown";
      throw error;
    }
  }

  look(attempt: Attempt): ReturnType<Executors["look"]> {
    const sight = this.#follow(attempt).sight();
    if (!this.#lost.has(nodeOf(attempt))) return sight;
    // Where a second run would be worse than a late one its lease is waited out all the same.
    return { ...sight, silentMs: Math.max(sight.silentMs, lostAfterMs) };
  }

  async collect(attempt: Attempt, report: AttemptReport, signal: AbortSignal): Promise<void> {
    const { client, paths } = this.#options;
    await this.#follow(attempt).logHome(AbortSignal.any([signal, AbortSignal.timeout(slowAnswerMs)]));
    await fetchOutputs(attempt, {
      paths,
      outputs: report.outputs ?? [],
      signal: AbortSignal.any([signal, AbortSignal.timeout(collectMs)]),
      fetch: async ({ index, offset }) => {
        const path = `${pathOf(attempt, "outputs")}?index=${index}&offset=${offset}`;
        const stream = await client.fetch(nodeOf(attempt), { method: "GET", path, answerMs, signal });
        const outputs = report.outputs ?? [];
        const total = (some: typeof outputs): number => some.reduce((sum, { bytes }) => sum + bytes, 0);
        const parts = { doneBytes: total(outputs.slice(0, index)) + offset, totalBytes: total(outputs) };
        return this.#transfers.count(attempt.metadata.name, { what: "outputs", ...parts }, stream);
      },
    });
  }

  leave({ metadata }: Attempt): void {
    this.#following.get(metadata.name)?.end();
    this.#following.delete(metadata.name);
  }

  #follow(attempt: Attempt): Following {
    const { name } = attempt.metadata;
    const known = this.#following.get(name) ?? new Following(attempt, this.#options);
    this.#following.set(name, known);
    return known;
  }
}

type Sized = Pick<Transfer, "doneBytes" | "totalBytes">;

/** Layers have no size of their own here: the whole image is the most there can be. */
function sizeOf(
  parts: readonly { readonly bytes?: number; readonly have: number }[],
  totalBytes: number = parts.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
): Sized {
  return {
    doneBytes: Math.min(
      totalBytes,
      parts.reduce((sum, { have }) => sum + have, 0),
    ),
    totalBytes,
  };
}

/** What is wrong with the attempt itself; undefined for what another try may mend. */
function stageFailure(error: HomieError): { reason: "StageFailed" | "ReservationLost"; message: string } | undefined {
  const message = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
  if (error.code === "NotFound") return { reason: "ReservationLost", message: "the executor gave the reservation up" };
  if (error.code === "SourceUnreadable" || error.code === "PeerRefused") return { reason: "StageFailed", message };
  return undefined;
}

function nodeOf({ spec }: Attempt): string {
  if (spec.executor === undefined) throw new HomieError("InternalError", "the attempt has no executor");
  return spec.executor.node;
}

function pathOf({ metadata }: Attempt, verb: string): string {
  return `/homie/v1/attempts/${metadata.name}/${verb}`;
}
