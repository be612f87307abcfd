import type { PeerFacts, Supply } from "./peer-facts.ts";
import { gpusFor } from "./gpu-match.ts";
import { needOf } from "./placement-request.ts";
import type { PlacementRequest } from "./placement-request.ts";

/**
 * The peer as it will look once it has taken this Job. Used from the grant until the peer's own news is newer, so that
 * a submitter of ten Jobs does not send all of them to the machine that was free a second ago.
 */
export function debitPeer(peer: PeerFacts, request: PlacementRequest): PeerFacts {
  const cores = needOf(request.cpu, peer.cpu);
  const taken = new Set(request.gpu === undefined ? [] : gpusFor(request.gpu, peer.gpus).slice(0, request.gpu.count));
  return {
    ...peer,
    load: Math.min(peer.machineCores, peer.load + cores),
    cpu: less(peer.cpu, cores),
    memoryBytes: less(peer.memoryBytes, needOf(request.memoryBytes, peer.memoryBytes)),
    diskBytes: less(peer.diskBytes, needOf(request.diskBytes, peer.diskBytes)),
    jobs: less(peer.jobs, 1),
    ...(peer.gpusLent === undefined ? {} : { gpusLent: less(peer.gpusLent, taken.size) }),
    gpus: peer.gpus.map((gpu) => (taken.has(gpu) ? { ...gpu, free: false } : gpu)),
  };
}

function less({ total, free }: Supply, need: number): Supply {
  return { total, free: Math.max(0, free - need) };
}
