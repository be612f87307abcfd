import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type Docker from "dockerode";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { atomicWriteSync } from "../files/atomic-write.ts";
import type { ContainerBody } from "./container-body.ts";
import { translateEngineError } from "./engine-error.ts";
import type { NodeIdentity } from "./names.ts";
import { containerName, renderLabels } from "./names.ts";
import { podmanInit } from "./start-error.ts";
import { answerMs, within } from "./within.ts";

export interface PodmanParts {
  readonly docker: Docker;
  readonly attempt: Attempt;
  readonly node: NodeIdentity;
  /** Where podman, which takes no content, reads it, and what has to be there. */
  readonly profile: { readonly path: string; readonly text: string };
}

/** Everything that has to be there before the container. */
export async function prepareOnPodman(parts: PodmanParts): Promise<void> {
  await provideProfile(parts.profile);
  await createVolume(parts);
}

/**
 * Podman answers on Docker's API but passes over fields it does not know. What is tried, what differs and what is refused
 * is in docs/engines.md. Nothing here may make a container weaker than Docker's: what cannot be had is refused.
 */
export function refuseOnPodman({ spec }: Attempt): void {
  if (spec.network === "egress")
    throw new HomieError("EngineUnable", "podman cannot keep Jobs with a network of their own apart", {
      hint: "set spec.network to none, or run the Job on a peer with Docker",
    });
  if (spec.gpus !== undefined && spec.gpus.length > 0)
    throw new HomieError("EngineUnable", "podman's Docker-compatible API does not pass GPUs on", {
      hint: "run the Job on a peer with Docker and the NVIDIA Container Toolkit",
    });
}

/** Mounted over what podman makes writable in every read-only container, without a limit of its own. */
const closed = "ro,nosuid,nodev,noexec,size=4k";
/**
 * Podman would raise it to 1,048,576, which an engine without CAP_SYS_RESOURCE may not. The kernel counts it over all Jobs
 * of the engine together, so it is far above what one may have; the limit of one Job is PidsLimit.
 */
const processesOfAllJobs = 32_768;

/** The same container in podman's words. `seccompProfile` of the body's facts is a path here: podman takes no content. */
export function toPodmanBody(body: ContainerBody): ContainerBody {
  const { Tmpfs: tmpfs, Ulimits: ulimits } = body.HostConfig as {
    readonly Tmpfs: Readonly<Record<string, string>>;
    readonly Ulimits: readonly object[];
  };
  return {
    ...body,
    // An empty one counts as none, and the image's own program would get the Job's as its arguments.
    Entrypoint: body["Cmd"],
    Cmd: [],
    HostConfig: {
      ...body.HostConfig,
      Tmpfs: { ...tmpfs, "/run": closed, "/var/tmp": closed },
      Ulimits: [...ulimits, { Name: "nproc", Soft: processesOfAllJobs, Hard: processesOfAllJobs }],
      LogConfig: { Type: "k8s-file", Config: { "max-size": "64m" } },
    },
  };
}

/** Made before its container: podman gives a volume it makes on the way no labels, and to the Job's user. */
async function createVolume({ docker, attempt, node }: PodmanParts): Promise<void> {
  const volume = {
    Name: containerName(attempt),
    Driver: "local",
    DriverOpts: { o: "uid=0,gid=0" },
    Labels: { ...renderLabels(attempt, node) },
  };
  try {
    await within(answerMs, () => docker.createVolume(volume));
  } catch (error) {
    throw translateEngineError(error, "ContainerCreateFailed", "cannot create the volume of a Job");
  }
}

/** Podman reads the profile from the disk when it makes a container. Written again if anybody changed or removed it. */
async function provideProfile({ path, text }: PodmanParts["profile"]): Promise<void> {
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present === text) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  atomicWriteSync(path, text);
}

/** The part of podman's answer in which it repeats what the container may do. */
export interface MadeContainer {
  readonly Path?: string;
  readonly Args?: readonly string[];
  readonly Config: { readonly User?: string };
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

/** Throws EngineUnable for a container that is less shut in than was asked for. */
export async function checkOnPodman(docker: Docker, id: string, body: ContainerBody): Promise<void> {
  const container = docker.getContainer(id);
  const made = await within(answerMs, () => container.inspect()).catch((error: unknown) => {
    throw translateEngineError(error, "ContainerCreateFailed", "cannot look at the container podman made");
  });
  const unkept = findUnkept(body, made as unknown as MadeContainer);
  if (unkept.length === 0) return;
  throw new HomieError("EngineUnable", `podman made a container without what was asked for: ${unkept.join(", ")}`, {
    hint: "docs/engines.md says which podman was tried and what it needs; or use Docker",
  });
}

const repeated = [
  "Privileged",
  "ReadonlyRootfs",
  "NetworkMode",
  "Memory",
  "MemorySwap",
  "NanoCpus",
  "PidsLimit",
  "ShmSize",
  "OomScoreAdj",
  "Init",
] as const;

/** Names of settings that a container was asked to have and does not: another podman may pass over others. */
export function findUnkept(body: ContainerBody, made: MadeContainer): readonly string[] {
  const { HostConfig: host } = made;
  const options = listOf(host["SecurityOpt"]);
  const unkept = repeated.filter((name) => host[name] !== body.HostConfig[name]);
  return [
    ...unkept,
    ...(runs(made, listOf(body["Entrypoint"])) ? [] : ["Entrypoint"]),
    ...(made.Config.User === body["User"] ? [] : ["User"]),
    ...(options.some((option) => option.startsWith("no-new-privileges")) ? [] : ["no-new-privileges"]),
    ...(listOf(body.HostConfig["SecurityOpt"]).every(
      (option) => !option.startsWith("seccomp=") || options.includes(option),
    )
      ? []
      : ["seccomp"]),
    ...(listOf(host["CapAdd"]).length === 0 && listOf(host["CapDrop"]).length > 0 ? [] : ["CapDrop"]),
  ];
}

/** Podman executes its init, which gets the program after a `--`. */
function runs({ Path: path = "", Args: args = [] }: MadeContainer, argv: readonly string[]): boolean {
  const executed = path === podmanInit ? args.slice(args[0] === "--" ? 1 : 0) : [path, ...args];
  return executed.length === argv.length && executed.every((word, index) => word === argv[index]);
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
