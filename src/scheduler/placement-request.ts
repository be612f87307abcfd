import type { JobSpec } from "../resources/job.ts";
import { formatBytes, parseBytes, parseCpu } from "../resources/quantities.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import { familiarImage } from "./image-names.ts";
import type { Supply } from "./peer-facts.ts";

/** What one attempt of a Job asks of a peer. */
export interface PlacementRequest {
  readonly uid: string;
  /** The submitter, by the name peers know it by. */
  readonly submitter: string;
  readonly peer?: string;
  readonly matchLabels: readonly (readonly [key: string, value: string])[];
  readonly preferredPeers: readonly string[];
  /** Of its image; absent when the image runs anywhere or there is none. */
  readonly platform?: string;
  /** As `familiarImage` writes it; absent when each executor uses an image of its own. */
  readonly image?: string;
  readonly network: "none" | "egress";
  readonly cpu: Ask;
  readonly memoryBytes: Ask;
  readonly diskBytes: Ask;
  readonly gpu?: GpuRequest;
  /** Failed attempts of this Job by node id. */
  readonly failedOn: ReadonlyMap<string, number>;
}

/** `lowered`: nobody asked for it, so a peer that lends less gives what it has, but not less than `least`. */
export interface Ask {
  readonly amount: number;
  readonly lowered: boolean;
  readonly least: number;
}

export interface GpuRequest {
  readonly count: number;
  /** Part of the model's name, in lower case. */
  readonly model?: string;
  readonly minMemoryBytes?: number;
  /** All of it for people: "2 x RTX 3080 of 10Gi". */
  readonly text: string;
}

export interface RequestFacts {
  readonly uid: string;
  readonly submitter: string;
  /** Image name once environments are resolved. */
  readonly image?: string;
  readonly platform?: string;
  readonly failedOn?: ReadonlyMap<string, number>;
}

/** What a Job gets that says nothing; lowered to what the machine lends. */
export const defaultRequest: { readonly cpu: number; readonly memoryBytes: number; readonly diskBytes: number } = {
  cpu: 1,
  memoryBytes: 2 * 2 ** 30,
  diskBytes: 10 * 2 ** 30,
};
/** The smallest amounts a Job may ask for; the schemas and Docker draw the same lines. */
const least = { cpu: 0.01, memoryBytes: 6 * 2 ** 20, diskBytes: 2 ** 20 } as const;

export function placementRequest(spec: JobSpec, facts: RequestFacts): PlacementRequest {
  const { resources } = spec;
  return withoutUndefined({
    uid: facts.uid,
    submitter: facts.submitter,
    peer: spec.peer,
    matchLabels: Object.entries(spec.peerSelector?.matchLabels ?? {}),
    preferredPeers: spec.preferredPeers ?? [],
    platform: facts.platform,
    image: facts.image === undefined ? undefined : familiarImage(facts.image),
    network: spec.network ?? "none",
    cpu: ask("cpu", parseCpu(resources?.cpu)),
    memoryBytes: ask("memoryBytes", parseBytes(resources?.memory)),
    diskBytes: ask("diskBytes", parseBytes(resources?.disk)),
    gpu: gpuRequest(spec),
    failedOn: facts.failedOn ?? new Map<string, number>(),
  });
}

/** What the Job would get on a peer that lends this much. */
export function needOf(asked: Ask, supply: Supply): number {
  return asked.lowered && asked.amount > supply.total ? Math.max(supply.total, asked.least) : asked.amount;
}

function ask(what: keyof typeof defaultRequest, asked: number | undefined): Ask {
  return { amount: asked ?? defaultRequest[what], lowered: asked === undefined, least: least[what] };
}

function gpuRequest({ resources }: JobSpec): GpuRequest | undefined {
  const asked = resources?.gpu;
  if (asked === undefined) return undefined;
  const count = asked.count ?? 1;
  const minMemoryBytes = asked.minMemory === undefined ? undefined : parseBytes(asked.minMemory);
  const memory = minMemoryBytes === undefined ? "" : ` of ${formatBytes(minMemoryBytes)}`;
  return {
    count,
    ...(asked.model === undefined ? {} : { model: asked.model.toLowerCase() }),
    ...(minMemoryBytes === undefined ? {} : { minMemoryBytes }),
    text: `${count} x ${asked.model ?? "GPU"}${memory}`,
  };
}
