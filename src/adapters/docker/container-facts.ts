import type { ContainerInspectInfo } from "dockerode";
import type { RuntimeFacts } from "../../controllers/attempt/ports.ts";
import { label } from "./names.ts";
import { explainStartError } from "./start-error.ts";

/** The part of the engine's answer that decides anything. */
export type InspectedContainer = Pick<ContainerInspectInfo, "Id"> & {
  /** What the engine executes: the program, or podman's init. */
  readonly Path?: string;
  readonly HostConfig?: { readonly NetworkMode?: string | undefined };
  readonly Config: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly State: Pick<
    ContainerInspectInfo["State"],
    "Status" | "Running" | "ExitCode" | "Error" | "OOMKilled" | "StartedAt" | "FinishedAt"
  >;
};

/** A container of this name that another home, or a person, made is not ours to judge: it counts as absent. */
export function isOurs(container: InspectedContainer, nodeId: string): boolean {
  return container.Config.Labels?.[label.node] === nodeId;
}

export function specSha256Of(container: InspectedContainer): string {
  return container.Config.Labels?.[label.specSha256] ?? "";
}

export function parseContainerFacts(container: InspectedContainer): RuntimeFacts {
  const { State: state } = container;
  const found = { containerId: container.Id, specSha256: specSha256Of(container) };
  if (failedToStart(container)) {
    const at = startedEver(state.StartedAt) ? state.StartedAt : state.FinishedAt;
    return {
      phase: "exited",
      ...found,
      exitCode: state.ExitCode,
      startedAt: milliseconds(at),
      finishedAt: milliseconds(state.FinishedAt),
      oomKilled: false,
      startError: explainStartError(state.Error),
    };
  }
  if (state.Status === "created") return { phase: "created", ...found };
  if (state.Status === "exited" || state.Status === "dead" || (state.Status === "removing" && !state.Running)) {
    return {
      phase: "exited",
      ...found,
      exitCode: state.ExitCode,
      startedAt: milliseconds(state.StartedAt),
      finishedAt: milliseconds(state.FinishedAt),
      oomKilled: state.OOMKilled,
    };
  }
  return { phase: "running", ...found, startedAt: milliseconds(state.StartedAt) };
}

/** True for a container that may be thrown away: it never ran and never failed to. */
export function isUntouched(container: InspectedContainer): boolean {
  return container.State.Status === "created" && !failedToStart(container);
}

/** The engine leaves a container whose program it could not execute in `created` with exit code 126, 127 or 128. */
function failedToStart({ State: state }: InspectedContainer): boolean {
  if (state.Running || state.Error === "" || state.ExitCode === 0) return false;
  return state.Status === "created" || !startedEver(state.StartedAt);
}

/** The engine writes year 1 for "never". */
function startedEver(time: string): boolean {
  return time !== "" && !time.startsWith("0001-");
}

/** RFC 3339 in UTC to the millisecond, so that run times are true; "never" becomes the epoch. */
function milliseconds(time: string): string {
  const parsed = startedEver(time) ? Date.parse(time) : 0;
  return new Date(Number.isNaN(parsed) ? 0 : parsed).toISOString();
}
