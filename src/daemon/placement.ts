import type { PeerClient } from "../adapters/peers/peer-client.ts";
import type { ClaimAnswer } from "../adapters/peers/host-port.ts";
import type { AttemptTemplate, Placer, ReserveOutcome } from "../controllers/job/ports.ts";
import type { Clock } from "../reconciler/types.ts";
import type { Attempt, OutputRule } from "../resources/attempt.ts";
import type { Job } from "../resources/job.ts";
import type { HistoryBook } from "../scheduler/history-book.ts";
import { placeJob, type Candidate, type Placement, type RejectedPeer } from "../scheduler/place-job.ts";
import type { PeerFacts } from "../scheduler/peer-facts.ts";
import { needOf, placementRequest, type PlacementRequest } from "../scheduler/placement-request.ts";
import type { RefusalReason } from "../scheduler/refusal.ts";
import { HomieError } from "../resources/errors.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import { sealMessage, type ClaimMessage } from "../trust/claim.ts";
import type { GroupKeys } from "../trust/group-secret.ts";
import { readClaimAnswer } from "./remote/read-answers.ts";

/** What the crew gives to placement; absent while this machine is alone. */
export interface PlacementCrew {
  readonly client: PeerClient;
  readonly own: string;
  readonly keys: Pick<GroupKeys, "claim">;
  /** Everybody but this machine, sorted by name. */
  readonly peers: () => readonly PeerFacts[];
  /** What the machine behind a Peer object calls itself. */
  readonly nameOf: (peer: string) => string | undefined;
}
export interface PlacementOptions {
  readonly clock: Clock;
  /** What peers call this machine. */
  readonly name: string;
  readonly self: () => PeerFacts;
  readonly crew: () => PlacementCrew | undefined;
  /** How attempts ended on each peer before. */
  readonly past: HistoryBook;
}

/** After a denial a peer is not asked again for this Job for so long, unless it has news. */
const deniedMs = 5_000;
const claimMs = 10_000;
const lostOnPeer = new Set([
  "PeerLost",
  "ReservationLost",
  "ImageMissing",
  "StartFailed",
  "ContainerLost",
  "LeaseExpired",
]);
const reasonOf: Readonly<Record<string, RefusalReason>> = {
  cpu: "InsufficientCpu",
  memory: "InsufficientMemory",
  disk: "InsufficientDisk",
  gpus: "InsufficientGpu",
  maxJobs: "NoJobSlot",
  "allow.networks": "NetworkNotAllowed",
  "allow.peers": "PeerNotAllowed",
  "allow.images": "ImageNotAllowed",
  runtime: "RuntimeNotAllowed",
  "schedule.quietHours": "QuietHours",
  "idle.onlyWhenIdle": "NotIdle",
  "power.onBattery": "OnBattery",
  snoozedUntil: "Snoozed",
};

interface Denial {
  readonly rejected: RejectedPeer;
  readonly untilMs: number;
}

/** Chooses where a Job goes and asks there. Denials are remembered for a moment, so that the next choice is another one. */
export class Placements implements Placer {
  readonly #options: PlacementOptions;
  readonly #denials = new Map<string, Map<string, Denial>>();

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  place(job: Job, attempts: readonly Attempt[], image?: string): Placement {
    const request = this.#request(job, attempts, image);
    const denied = this.#deniedFor(job.metadata.uid);
    const { past, self, crew } = this.#options;
    const known = [self(), ...(crew()?.peers() ?? [])];
    // This machine is not judged by itself: its own Jobs have nowhere else to wait.
    const peers = known.map((peer) => (peer.own ? peer : { ...peer, history: past.of(peer.name, job.metadata.name) }));
    const asked = peers.filter(({ node }) => !denied.has(node)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const placement = placeJob(request, asked, this.#options.clock.now().getTime());
    if (denied.size === 0) return placement;
    const rejected = [...placement.rejected, ...[...denied.values()].map((denial) => denial.rejected)];
    return { ...placement, rejected: rejected.toSorted((a, b) => (a.peer < b.peer ? -1 : 1)) };
  }

  async reserve(job: Job, template: AttemptTemplate, attempt: number, { facts }: Candidate): Promise<ReserveOutcome> {
    const crew = this.#options.crew();
    if (crew === undefined) return { granted: false, message: "this machine is in no crew" };
    const claim = this.#claim(job, template, attempt, facts);
    try {
      const answer = await ask(crew, claim, facts.node);
      if (!answer.granted) return this.#denied(job, facts, answer);
      const { guarantee, leaseSeconds } = claim;
      const { granted, runtime, resources, timeoutSeconds } = answer;
      const executor = { node: facts.node, peer: facts.name, guarantee, leaseSeconds };
      return withoutUndefined({ granted, executor, runtime, resources, timeoutSeconds });
    } catch (error) {
      if (!(error instanceof HomieError)) throw error;
      return this.#unanswered(job, facts, error);
    }
  }

  deniedForMs(uid: string): number | undefined {
    const ends = [...this.#deniedFor(uid).values()].map(({ untilMs }) => untilMs);
    return ends.length === 0 ? undefined : Math.min(...ends) - this.#options.clock.monotonicMs();
  }

  /** Something about this peer has changed: what it denied before it may grant now. */
  heard(node: string): void {
    for (const denials of this.#denials.values()) denials.delete(node);
  }

  #request(job: Job, attempts: readonly Attempt[], image: string | undefined): PlacementRequest {
    const failedOn = new Map<string, number>();
    for (const { spec, status } of attempts) {
      const node = spec.executor?.node;
      const isThis = spec.job.generation === job.metadata.generation;
      if (node === undefined || !isThis || !lostOnPeer.has(status?.reason ?? "")) continue;
      failedOn.set(node, (failedOn.get(node) ?? 0) + 1);
    }
    const facts = { uid: job.metadata.uid, submitter: this.#options.name, failedOn };
    const { peer, preferredPeers } = job.spec;
    const named = (name: string): string => this.#options.crew()?.nameOf(name) ?? name;
    const spec = {
      ...job.spec,
      ...(peer === undefined ? {} : { peer: named(peer) }),
      ...(preferredPeers === undefined ? {} : { preferredPeers: preferredPeers.map(named) }),
    };
    return placementRequest(spec, { ...facts, ...(image === undefined ? {} : { image }) });
  }

  #claim(job: Job, template: AttemptTemplate, attempt: number, facts: PeerFacts): ClaimMessage {
    const { spec, metadata } = job;
    const request = this.#request(job, [], template.image);
    const { name, uid, generation } = metadata;
    return withoutUndefined({
      job: { name, uid, generation },
      ...{ attempt, executor: facts.node, image: template.image, argv: template.argv, env: template.env },
      workingDir: template.workingDir,
      network: template.network,
      resources: {
        cpu: needOf(request.cpu, facts.cpu),
        memoryBytes: Math.floor(needOf(request.memoryBytes, facts.memoryBytes)),
        diskBytes: Math.floor(needOf(request.diskBytes, facts.diskBytes)),
      },
      gpu: request.gpu === undefined ? undefined : gpuOf(request.gpu),
      timeoutSeconds: spec.timeoutSeconds,
      outputs: template.outputs.map(withoutPlace),
      guarantee: spec.guarantee ?? "AtLeastOnce",
      leaseSeconds: spec.leaseSeconds ?? 90,
      priority: spec.priority ?? 0,
    });
  }

  #deniedFor(uid: string): ReadonlyMap<string, Denial> {
    const denials = this.#denials.get(uid) ?? new Map<string, Denial>();
    for (const [node, { untilMs }] of denials) if (untilMs <= this.#options.clock.monotonicMs()) denials.delete(node);
    if (denials.size === 0) this.#denials.delete(uid);
    return denials;
  }

  #denied(job: Job, facts: PeerFacts, answer: Extract<ClaimAnswer, { granted: false }>): ReserveOutcome {
    const refusals = answer.reasons.flatMap(({ limit, need, free, message }) => {
      const reason = reasonOf[limit];
      // Its GPUs are counted by it alone, and it says whether any will be free.
      const lasting = limit === "gpus" && !answer.waitable ? ({ lasting: true } as const) : {};
      return reason === undefined ? [] : [{ reason, need, free, hint: message, ...lasting }];
    });
    const message = answer.reasons.map((reason) => reason.message).join("; ");
    this.#remember(job, facts, refusals);
    return { granted: false, message };
  }

  #unanswered(job: Job, facts: PeerFacts, error: HomieError): ReserveOutcome {
    const reason = error.code === "PeerUnreachable" ? "NotOnline" : "NotTrusted";
    this.#remember(job, facts, [{ reason, need: "an answer", free: error.message, hint: error.message }]);
    return { granted: false, message: error.message };
  }

  #remember(job: Job, { node, name, own }: PeerFacts, refusals: RejectedPeer["refusals"]): void {
    const { uid } = job.metadata;
    const denials = this.#denials.get(uid) ?? new Map<string, Denial>();
    const untilMs = this.#options.clock.monotonicMs() + deniedMs;
    const known: RejectedPeer["refusals"] =
      refusals.length > 0 ? refusals : [{ reason: "NoJobSlot", need: "1", free: "0", hint: "it says no" }];
    this.#denials.set(uid, denials.set(node, { rejected: { node, peer: name, own, refusals: known }, untilMs }));
  }
}

async function ask({ client, own, keys }: PlacementCrew, claim: ClaimMessage, node: string): Promise<ClaimAnswer> {
  const text = JSON.stringify(claim);
  const seal = sealMessage(keys, { purpose: "claim", from: own, to: node, bytes: Buffer.from(text) });
  const body = { claim: text, seal };
  return readClaimAnswer(await client.ask(node, { method: "POST", path: "/homie/v1/claims", body, answerMs: claimMs }));
}

/** Where files go at home is nobody else's business. */
function withoutPlace(rule: OutputRule): ClaimMessage["outputs"][number] {
  const { to: _, ...rest } = rule;
  return rest;
}

function gpuOf({
  count,
  model,
  minMemoryBytes,
}: NonNullable<PlacementRequest["gpu"]>): NonNullable<ClaimMessage["gpu"]> {
  return withoutUndefined({ count, model, minMemoryBytes });
}
