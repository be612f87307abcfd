import type { Attempt } from "../../resources/attempt.ts";

/** Labels homie puts on containers, volumes and networks. `node` keeps two homes on one engine apart. */
export const label = {
  managed: "homie.managed",
  network: "homie.network",
  node: "homie.node",
  job: "homie.job",
  attempt: "homie.attempt",
  uid: "homie.uid",
  specSha256: "homie.spec-sha256",
  submitter: "homie.submitter",
  gpus: "homie.gpus",
} as const;

/** What is the same for every attempt of one daemon. */
export interface NodeIdentity {
  readonly nodeId: string;
  /** Name of the crew's Network, when there is one. */
  readonly networkName?: string;
}

const prefix = "homie-";
const attemptNamePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*-[1-9][0-9]*$/;

/** `<uid>-<attempt>`: what the rest of homie calls an attempt. */
export function attemptName(attempt: Attempt): string {
  return `${attempt.spec.job.uid}-${attempt.spec.attempt}`;
}

/** Name of the container and of its volume. The engine keeps it unique, which makes it the run-once lock. */
export function containerName(attempt: Attempt): string {
  return `${prefix}${attemptName(attempt)}`;
}

/** The attempt a container or volume name stands for; undefined for names that are not ours. */
export function parseContainerName(name: string): string | undefined {
  const bare = name.startsWith("/") ? name.slice(1) : name;
  if (!bare.startsWith(prefix)) return undefined;
  const rest = bare.slice(prefix.length);
  return attemptNamePattern.test(rest) ? rest : undefined;
}

export function renderLabels(attempt: Attempt, node: NodeIdentity): Readonly<Record<string, string>> {
  return {
    [label.managed]: "true",
    ...(node.networkName === undefined ? {} : { [label.network]: node.networkName }),
    [label.node]: node.nodeId,
    [label.job]: attempt.spec.job.name,
    [label.attempt]: String(attempt.spec.attempt),
    [label.uid]: attempt.spec.job.uid,
    [label.specSha256]: attempt.spec.specSha256,
    [label.submitter]: attempt.metadata.labels?.["homie.dev/submitter"] ?? node.nodeId,
    ...(attempt.spec.gpus === undefined ? {} : { [label.gpus]: attempt.spec.gpus.join(",") }),
  };
}
