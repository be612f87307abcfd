import type { GpuFacts } from "./peer-facts.ts";
import type { GpuRequest } from "./placement-request.ts";

type Wanted = Omit<GpuRequest, "text">;

/** A GPU of this machine; `id` is what its driver calls it. */
export interface GpuDevice extends GpuFacts {
  readonly id: string;
}

/** All GPUs of this machine; `free`: held by no attempt. Limits lend by number, whichever they are. */
export interface OwnGpus {
  readonly devices: readonly GpuDevice[];
  /** As many as attempts may hold together; Infinity: all there are. */
  readonly most: number;
}

/** The free GPUs that suit the request, smallest memory first: large ones are kept for who needs them. */
export function gpusFor<G extends GpuFacts>(request: Wanted, gpus: readonly G[]): readonly G[] {
  const { model, minMemoryBytes = 0 } = request;
  const wanted = model?.toLowerCase();
  const suits = (gpu: G): boolean =>
    gpu.free && gpu.memoryBytes >= minMemoryBytes && (wanted === undefined || gpu.model.toLowerCase().includes(wanted));
  return gpus.filter(suits).toSorted((a, b) => a.memoryBytes - b.memoryBytes);
}

/** How many suit the request, held or not. */
export function gpusEverFor(request: Wanted, gpus: readonly GpuFacts[]): number {
  const ever = gpus.map((gpu) => ({ ...gpu, free: true }));
  return gpusFor(request, ever).length;
}

/** How many of them are lent, and how many of those are left. */
export function gpusLent({ devices, most }: OwnGpus): { readonly total: number; readonly free: number } {
  const held = devices.filter(({ free }) => !free).length;
  const total = Math.min(devices.length, most);
  return { total, free: Math.max(0, total - held) };
}

/**
 * Ids of the GPUs that a new attempt gets; undefined when there are not enough. Nothing is debited: the caller creates the
 * attempt in the same synchronous step.
 */
export function assignGpus(request: Wanted, own: OwnGpus): readonly string[] | undefined {
  const suited = gpusFor(request, own.devices);
  if (request.count > Math.min(suited.length, gpusLent(own).free)) return undefined;
  return suited.slice(0, request.count).map(({ id }) => id);
}
