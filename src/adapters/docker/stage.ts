import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { HomePaths } from "../home.ts";
import { createStageStream } from "../project/stage-stream.ts";
import type { Engine } from "./connect.ts";
import type { ContainerBody } from "./container-body.ts";
import { jobDirectory, renderContainerBody, workVolume } from "./container-body.ts";
import { isUntouched, specSha256Of } from "./container-facts.ts";
import type { InspectedContainer } from "./container-facts.ts";
import type { Containers } from "./containers.ts";
import type { EgressGuard } from "./egress-guard.ts";
import { isNotFound, statusOf, translateEngineError } from "./engine-error.ts";
import type { EngineHealth } from "./health.ts";
import { hasSecurityOption } from "./health.ts";
import type { Images } from "./image.ts";
import type { NodeIdentity } from "./names.ts";
import { attemptName, containerName } from "./names.ts";
import { checkOnPodman, prepareOnPodman, refuseOnPodman, toPodmanBody } from "./podman.ts";
import seccompProfile from "./seccomp.json" with { type: "json" };
import { answerMs, within } from "./within.ts";

export interface Stager {
  /** See Runtime.stage. The caller makes sure that one attempt is staged once at a time. */
  stage(attempt: Attempt, signal: AbortSignal): Promise<Staged>;
  /** The container that this daemon made for the attempt. */
  made(attempt: Attempt): string | undefined;
  forget(attempt: Attempt): void;
}

export interface Staged {
  readonly containerId: string;
  /** Just now; otherwise it was there, and may have run. */
  readonly isNew: boolean;
}

export interface StageParts {
  readonly engine: Engine;
  readonly containers: Containers;
  readonly images: Images;
  readonly health: EngineHealth;
  readonly egress: EgressGuard;
  readonly node: NodeIdentity;
  readonly paths: HomePaths;
}

const createMs = 60_000;
const seccompText = JSON.stringify(seccompProfile);
/** Storage drivers with a size limit on any backing file system; overlay2 has it on xfs with pquota only, and does not say. */
const quotaDrivers = new Set(["btrfs", "zfs"]);

export function createStager(parts: StageParts): Stager {
  const { engine, containers } = parts;
  /** Container ids whose files are known to be whole, by attempt. After a restart nothing is known and it is done again. */
  const staged = new Map<string, string>();

  async function stage(attempt: Attempt, signal: AbortSignal): Promise<Staged> {
    const found = await containers.inspectOwned(attempt);
    if (found !== undefined && mayAdopt(attempt, found)) return { containerId: found.Id, isNew: false };
    // What is left here never started: half an archive, or a volume whose container was not made.
    await containers.clear(attempt, found);
    const containerId = await create(attempt, signal);
    await fill(parts, attempt, containerId, signal);
    staged.set(attemptName(attempt), containerId);
    return { containerId, isNew: true };
  }

  /** Throws when the name is held by another spec that has already run. */
  function mayAdopt(attempt: Attempt, found: InspectedContainer): boolean {
    const isSameSpec = specSha256Of(found) === attempt.spec.specSha256;
    if (isUntouched(found)) return isSameSpec && staged.get(attemptName(attempt)) === found.Id;
    if (isSameSpec) return true;
    throw new HomieError("ContainerCreateFailed", `${containerName(attempt)} already ran with another spec`, {
      hint: "an attempt is never run twice; a changed Job gets a new attempt",
    });
  }

  async function create(attempt: Attempt, signal: AbortSignal): Promise<string> {
    const { body, isPodman } = await renderBody(parts, attempt);
    const make = (): Promise<string> =>
      isPodman ? createOnPodman(parts, attempt, body) : createContainer(engine.docker(), body);
    signal.throwIfAborted();
    try {
      return await make();
    } catch (error) {
      if (statusOf(error) !== 409) throw createFailed(error);
      // Two stages of one attempt met, or a removal was still under way: the later one looks again, once.
      await containers.inspectOwned(attempt);
      await containers.remove(attempt);
      return await make().catch((again: unknown) => {
        throw createFailed(again);
      });
    }
  }

  return {
    stage,
    made: (attempt) => staged.get(attemptName(attempt)),
    forget(attempt): void {
      staged.delete(attemptName(attempt));
    },
  };
}

async function fill(
  { engine, paths }: StageParts,
  attempt: Attempt,
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  const container = engine.docker().getContainer(containerId);
  const { chunks, done } = createStageStream(attempt, paths, signal);
  const archive = Readable.from(chunks, { objectMode: false });
  try {
    await container.putArchive(archive, { path: workVolume, abortSignal: signal });
    await done;
  } catch (error) {
    archive.destroy();
    signal.throwIfAborted();
    // A source that could not be read cuts the upload; its own error says more than the broken connection.
    const cause = await done.then(
      () => error,
      (reason: unknown) => (reason instanceof HomieError && archive.errored !== null ? reason : error),
    );
    throw translateEngineError(cause, "ContainerCreateFailed", "cannot put the files into the container");
  }
  if (attempt.spec.workingDir !== "") await checkWorkingDirectory(container, attempt.spec.workingDir);
}

async function renderBody(
  parts: StageParts,
  attempt: Attempt,
): Promise<{ readonly body: ContainerBody; readonly isPodman: boolean }> {
  const reference = attempt.status?.imageId ?? attempt.spec.image ?? "";
  const [image, report] = await Promise.all([parts.images.find(reference), parts.health.report()]);
  if (image === undefined) {
    throw new HomieError("ContainerCreateFailed", `image "${reference}" is gone from this machine`, {
      hint: "it was removed after it had been prepared; the next attempt fetches it again",
    });
  }
  const isPodman = report.engine === "podman";
  if (isPodman) refuseOnPodman(attempt);
  const body = renderContainerBody(attempt, {
    imageId: image.Id,
    imageVolumes: Object.keys((image.Config.Volumes as Record<string, unknown> | null | undefined) ?? {}),
    imageEnv: (image.Config.Env as readonly string[] | null | undefined) ?? [],
    node: parts.node,
    seccompProfile: isPodman ? profilePath(parts.paths) : seccompText,
    // Podman has a profile of its own, which it uses unless another is named.
    appArmor: !isPodman && hasSecurityOption(report, "apparmor"),
    layerQuota: quotaDrivers.has(report.storageDriver),
    egressNetwork: attempt.spec.network === "egress" ? await parts.egress.prepare() : "none",
  });
  return { body: isPodman ? toPodmanBody(body) : body, isPodman };
}

/** Beside the daemon's socket, where nobody else can write. */
function profilePath(paths: HomePaths): string {
  return join(dirname(paths.socket), "seccomp.json");
}

async function createContainer(docker: Docker, body: ContainerBody): Promise<string> {
  const { name, ...rest } = body;
  // Told apart, or the client would send the whole body in the address as well, the Job's environment included.
  const options = { _query: { name }, _body: rest };
  const container = await within(createMs, (abortSignal) =>
    docker.createContainer({ ...options, abortSignal } as Docker.ContainerCreateOptions),
  );
  return container.id;
}

async function createOnPodman(
  { engine, node, paths }: StageParts,
  attempt: Attempt,
  body: ContainerBody,
): Promise<string> {
  const docker = engine.docker();
  await prepareOnPodman({ docker, attempt, node, profile: { path: profilePath(paths), text: seccompText } });
  const id = await createContainer(docker, body);
  await checkOnPodman(docker, id, body);
  return id;
}

function createFailed(error: unknown): HomieError {
  return translateEngineError(error, "ContainerCreateFailed", "the engine refused to create the container");
}

/** The engine would make a missing one itself, owned by root, and the program could not write there. */
async function checkWorkingDirectory(container: Docker.Container, workingDir: string): Promise<void> {
  try {
    await within(answerMs, () => container.infoArchive({ path: `${jobDirectory}/${workingDir}` }));
  } catch (error) {
    if (!isNotFound(error))
      throw translateEngineError(error, "ContainerCreateFailed", "cannot look into the container");
    throw new HomieError("SourceUnreadable", `workingDir "${workingDir}" is not among the files of the Job`, {
      hint: "name a directory of the project that holds at least one file that travels",
    });
  }
}
