import type { Peer, PeerResources, PeerStatus } from "../../resources/peer.ts";
import { peerAddress } from "../../resources/peer-address.ts";
import { renderBytes } from "./duration.ts";
import type { ApiObject } from "./objects.ts";

export const peerHeaders: readonly string[] = ["Name", "IP", "CPU", "RAM", "GPU", "Status"];

/** One line of `homie peers`. What is not known is "-"; RAM is free of total. */
export function peerRow(peer: ApiObject): readonly string[] {
  const status = (peer.status ?? {}) as PeerStatus;
  const { kind, text = "-" } = peerAddress(peer.spec as Peer["spec"] | undefined, status.path) ?? {};
  return [
    status.name ?? peer.metadata.name,
    kind === "relay" ? `via ${text}` : text,
    ...sizes(status.resources),
    status.phase ?? "-",
  ];
}

function sizes(resources: PeerResources = {}): readonly string[] {
  const { cpuCount, cpuUsedPercent = 0, memoryTotal, memoryFree = 0, gpus = [] } = resources;
  return [
    cpuCount === undefined ? "-" : `${cpuCount} (${Math.round(cpuUsedPercent)}% used)`,
    memoryTotal === undefined ? "-" : `${renderBytes(memoryFree)}/${renderBytes(memoryTotal)}`,
    gpuNames(gpus),
  ];
}

function gpuNames(gpus: readonly { readonly model?: string }[]): string {
  const [first] = gpus;
  if (first === undefined) return "-";
  return gpus.length === 1 ? (first.model ?? "1") : `${gpus.length} x ${first.model ?? "?"}`;
}
