import type { GpuFacts } from "./peer-facts.ts";
import type { GpuRequest } from "./placement-request.ts";

/** The free GPUs that suit the request, smallest memory first: large ones are kept for who needs them. */
export function gpusFor(request: Omit<GpuRequest, "text">, gpus: readonly GpuFacts[]): readonly GpuFacts[] {
  const { model, minMemoryBytes = 0 } = request;
  const suits = (gpu: GpuFacts): boolean =>
    gpu.free && gpu.memoryBytes >= minMemoryBytes && (model === undefined || gpu.model.toLowerCase().includes(model));
  return gpus.filter(suits).toSorted((a, b) => a.memoryBytes - b.memoryBytes);
}
