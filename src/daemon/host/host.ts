import { createHash } from "node:crypto";
import type { HomePaths } from "../../adapters/home.ts";
import type { AttemptHost, ClaimAnswer, Lacking, OfferMessage } from "../../adapters/peers/host-port.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt, HostedAttempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { ObjectStore } from "../../store/types.ts";
import { isSealed, parseClaim, type ClaimMessage } from "../../trust/claim.ts";
import { allKeys, type KeyRing } from "../../trust/group-secret.ts";
import { parseOffer } from "../../trust/offer.ts";
import type { HostFiles } from "./host-files.ts";
import { HostLine } from "./host-line.ts";
import { HostTerms } from "./host-terms.ts";
import { HostReports } from "./host-reports.ts";
import { withGpus } from "../gpus.ts";
import type { ClaimJudge, ClaimVerdict } from "./judge.ts";

export interface HostOptions {
  readonly paths: HomePaths;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Node id of this machine. */
  readonly own: string;
  readonly keys: KeyRing;
  /** The name this machine knows a member by; undefined for whoever is none. */
  readonly nameOf: (node: string) => string | undefined;
  readonly judge: ClaimJudge;
  /** Limits name the images that may run: then only what this machine itself knows by that name is used. */
  readonly imagesByName: () => boolean;
  readonly files: HostFiles;
}

/** Runs attempts of other machines: each becomes an Attempt of this home's store, and its own controller does the rest. */
export class Host implements AttemptHost {
  readonly #options: HostOptions;
  readonly #terms: HostTerms;
  readonly #reports: HostReports;
  readonly #line: HostLine;
  readonly #tidying: NodeJS.Timeout;
  /** Who needs none does not wait for those who wait for a GPU. */
  readonly #gpuLine: HostLine;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#terms = new HostTerms(options);
    this.#reports = new HostReports(options);
    this.#line = new HostLine(options.clock);
    this.#tidying = setInterval(() => void this.#tidy(), tidyMs).unref();
    this.#gpuLine = new HostLine(options.clock);
  }

  /** An attempt gave back what it held, whoever's it was. */
  freed(): void {
    this.#line.freed();
    this.#gpuLine.freed();
  }

  async #tidy(): Promise<void> {
    const { store, files, log } = this.#options;
    const hosted = store.list<Attempt>("Attempt").filter(({ spec }) => spec.hosted !== undefined);
    await files.tidy(hosted).catch((error: unknown) => log.warn("cannot tidy up input files of peers", { error }));
  }

  /** Its submitter is no member any more: everything of it ends now, and nothing of it is kept. */
  evict(node: string): void {
    const { store, log } = this.#options;
    for (const attempt of store.list<Attempt>("Attempt")) {
      const { metadata, spec, status } = attempt;
      if (spec.hosted?.submitter.node !== node) continue;
      log.warn("an attempt of a machine that is out ends", {
        peer: spec.hosted.submitter.peer,
        attempt: metadata.name,
      });
      const stop = { reason: "Cancelled", message: "its submitter is no member of the network any more" } as const;
      if (spec.stop === undefined && status?.phase !== "Finished") store.putSpec<Attempt>(attempt, { ...spec, stop });
      if (metadata.deletionTimestamp === undefined) store.delete({ kind: "Attempt", name: metadata.name });
    }
  }

  close(): void {
    clearInterval(this.#tidying);
    this.#terms.close();
    this.#reports.close();
  }

  async claim(node: string, bytes: Uint8Array, seal: string): Promise<ClaimAnswer> {
    const { own, store, judge } = this.#options;
    const submitter = this.#submitter(node);
    this.#checkSeal({ purpose: "claim", from: node, to: own, bytes }, seal);
    const parsed = parseClaim(bytes);
    if (!parsed.ok) throw new HomieError("BadRequest", parsed.problem);
    const { claim } = parsed;
    if (claim.executor !== own) throw new HomieError("BadRequest", "the claim is meant for another machine");
    const name = nameOf(claim);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const trouble = await judge.trouble();
    const known = store.get<Attempt>({ kind: "Attempt", name });
    if (known !== undefined) return this.#again(known, node, digest);
    const place = { uid: claim.job.uid, priority: claim.priority };
    const line = claim.gpu === undefined ? this.#line : this.#gpuLine;
    const verdict = trouble ?? line.ahead(place) ?? judge.decide(claim, submitter);
    if (!verdict.granted) {
      if (verdict.waitable) line.wait(place);
      return verdict;
    }
    line.leave(place);
    this.#create(claim, { digest, name, verdict, submitter: { node, peer: submitter } });
    const { gpus: _, ...answer } = verdict;
    return answer;
  }

  #create(
    claim: ClaimMessage,
    facts: {
      readonly digest: string;
      readonly name: string;
      readonly verdict: Extract<ClaimVerdict, { granted: true }>;
      readonly submitter: HostedAttempt["submitter"];
    },
  ): void {
    const { job, attempt, image, argv, env, workingDir, network, outputs, guarantee, leaseSeconds } = claim;
    const { runtime, resources, timeoutSeconds, gpus } = facts.verdict;
    const claimed: Attempt["spec"] = {
      ...{ job, attempt, runtime, argv, env, workingDir, network, resources, outputs },
      specSha256: facts.digest,
      ...(image === undefined ? {} : { image }),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      sources: { exclude: [], files: [] },
      hosted: { submitter: facts.submitter, inputs: nothing, guarantee, leaseSeconds },
    };
    const spec = withGpus(claimed, gpus);
    this.#options.store.create<Attempt>({ kind: "Attempt", name: facts.name, spec, finalizers: ["homie.dev/cleanup"] });
    this.#terms.reserve(facts.name);
    this.#options.log.info("granted a claim", { peer: facts.submitter.peer, job: job.name, attempt: facts.name });
  }

  /** A claim that was granted before, whose answer may have been lost. Anything else under this name is refused. */
  #again(known: Attempt, node: string, digest: string): ClaimAnswer {
    const { spec } = known;
    const { specSha256 } = withGpus({ specSha256: digest }, spec.gpus);
    const same = spec.hosted?.submitter.node === node && spec.specSha256 === specSha256 && spec.hosted.begin !== true;
    if (!same || spec.stop !== undefined || known.metadata.deletionTimestamp !== undefined)
      throw new HomieError("PeerRefused", "an attempt of this number was claimed before; numbers are used once");
    const { runtime, resources, timeoutSeconds } = spec;
    return { granted: true, runtime, resources, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
  }

  async offer(node: string, name: string, bytes: Uint8Array, seal: string): Promise<Lacking> {
    const { own, files } = this.#options;
    const attempt = this.#mine(node, name);
    this.#checkSeal({ purpose: "offer", from: node, to: own, bytes }, seal);
    const offer = parseOffer(bytes, name);
    if (typeof offer === "string") throw new HomieError("BadRequest", offer);
    if (offer.inputs.bytes > attempt.spec.resources.diskBytes) {
      const message = `the files of the job are ${offer.inputs.bytes} bytes, its disk limit is ${attempt.spec.resources.diskBytes}`;
      throw new HomieError("PeerRefused", message, { hint: "raise resources.disk, or leave files out" });
    }
    this.#terms.extend(name);
    const offered = this.#accept(attempt, offer, createHash("sha256").update(bytes).digest("hex"));
    return files.lacking(offered);
  }

  /** What runs is settled by the first offer. */
  #accept(attempt: Attempt, { inputs, image }: OfferMessage, digest: string): Attempt {
    const { hosted } = attempt.spec;
    if (hosted === undefined) throw missing();
    // A submitter's image could be anything under an allowed name.
    const taken = this.#options.imagesByName() ? undefined : image;
    const offered = { ...hosted, inputs, ...(taken === undefined ? {} : { image: taken }) };
    if (JSON.stringify([hosted.inputs, hosted.image]) === JSON.stringify([offered.inputs, offered.image]))
      return attempt;
    const isFirst = hosted.inputs.chunks.length === 0 && hosted.image === undefined;
    if (!isFirst || hosted.begin === true) throw new HomieError("PeerRefused", "other files were offered before");
    const specSha256 = createHash("sha256").update(attempt.spec.specSha256).update(digest).digest("hex");
    return this.#options.store.putSpec<Attempt>(attempt, { ...attempt.spec, specSha256, hosted: offered });
  }

  async receiveInputs(node: string, name: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const attempt = this.#waiting(node, name);
    await this.#options.files.receiveInputs(attempt, this.#keeping(name, body), signal);
  }

  async receiveImage(node: string, name: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const attempt = this.#waiting(node, name);
    await this.#options.files.receiveImage(attempt, this.#keeping(name, body), signal);
  }

  async begin(node: string, name: string): Promise<void> {
    const attempt = this.#mine(node, name);
    const { spec } = attempt;
    if (spec.hosted === undefined) throw missing();
    if (spec.hosted.begin === true) return;
    // A reservation that ran out is no attempt any more, whatever is still here of it.
    if (spec.stop !== undefined || attempt.status?.phase === "Finished") throw missing();
    const { inputs } = await this.#options.files.lacking(attempt);
    if (inputs.length > 0) throw new HomieError("PeerRefused", "not all files of the job are here yet");
    this.#terms.begun(attempt);
    const latest = this.#mine(node, name);
    const { hosted } = latest.spec;
    if (hosted === undefined || latest.spec.stop !== undefined) throw missing();
    this.#options.store.putSpec<Attempt>(latest, { ...latest.spec, hosted: { ...hosted, begin: true } });
  }

  stop(node: string, name: string, wish: Parameters<AttemptHost["stop"]>[2]): void {
    const attempt = this.#mine(node, name);
    if (attempt.spec.stop !== undefined || attempt.status?.phase === "Finished") return;
    const stop = { reason: wish.reason as NonNullable<Attempt["spec"]["stop"]>["reason"], message: wish.message };
    this.#options.store.putSpec<Attempt>(attempt, { ...attempt.spec, stop });
  }

  dismiss(node: string, name: string): "done" | "pending" {
    const attempt = this.#mine(node, name);
    this.#options.store.delete({ kind: "Attempt", name });
    return attempt.status?.phase === "Finished" ? "done" : "pending";
  }

  report(
    node: string,
    name: string,
    known: Parameters<AttemptHost["report"]>[2],
    signal: AbortSignal,
  ): ReturnType<AttemptHost["report"]> {
    const attempt = this.#mine(node, name);
    if (known.seenMs !== undefined) this.#terms.renew(attempt, known.seenMs);
    return this.#reports.wait(name, known.version, () => this.#mine(node, name), signal);
  }

  log(node: string, name: string, from: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#options.files.log(this.#mine(node, name), from, signal);
  }

  outputs(
    node: string,
    name: string,
    from: Parameters<AttemptHost["outputs"]>[2],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    return this.#options.files.outputs(this.#mine(node, name), from, signal);
  }

  #submitter(node: string): string {
    const name = this.#options.nameOf(node);
    if (name !== undefined) return name;
    throw new HomieError("Forbidden", "this machine is not known here yet", { hint: "it is once both have a link" });
  }

  #checkSeal(message: Parameters<typeof isSealed>[1], seal: string): void {
    const { keys, store, log, nameOf } = this.#options;
    if (allKeys(keys).some((each) => isSealed(each, message, seal))) return;
    const peer = nameOf(message.from);
    log.warn("a member sent what it has not sealed for this machine", { peer, node: message.from });
    // Its owner sees it where peers are looked at: another secret than ours, or somebody who repeats what others said.
    const said = `its ${message.purpose} was refused: the seal does not fit`;
    if (peer !== undefined) store.events.record({ kind: "Peer", name: peer }, "Warning", "SealRejected", said);
    throw new HomieError("Forbidden", `Job authentication failed: the seal of the ${message.purpose} does not fit`);
  }

  /** The attempt, provided it is this caller's. Others learn nothing, not even that it is there. */
  #mine(node: string, name: string): Attempt {
    const attempt = this.#options.store.get<Attempt>({ kind: "Attempt", name });
    if (attempt?.spec.hosted?.submitter.node !== node || attempt.metadata.deletionTimestamp !== undefined)
      throw missing();
    return attempt;
  }

  #waiting(node: string, name: string): Attempt {
    const attempt = this.#mine(node, name);
    if (attempt.spec.hosted?.begin === true || attempt.spec.stop !== undefined)
      throw new HomieError("PeerRefused", "it has begun already, or was given up");
    return attempt;
  }

  /** As long as something comes the reservation holds. */
  async *#keeping(name: string, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of body) {
      this.#terms.extend(name);
      yield chunk;
    }
  }
}

const tidyMs = 600_000;
const nothing = { entries: 0, bytes: 0, chunks: [] } as const;

function nameOf({ job, attempt }: ClaimMessage): string {
  return `${job.uid}-${attempt}`;
}

function missing(): HomieError {
  return new HomieError("NotFound", "there is no such attempt");
}
