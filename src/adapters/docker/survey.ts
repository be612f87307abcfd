import type { FoundAttempt, Inventory } from "../../controllers/job/ports.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import type { Engine } from "./connect.ts";
import { translateEngineError } from "./engine-error.ts";
import { label, parseContainerName } from "./names.ts";
import { answerMs, within } from "./within.ts";

/** Containers and volumes with this node's label, as far as the daemon does not know them; never another node's. */
export function createDockerInventory(engine: Engine, nodeId: string): Inventory {
  const filters = { label: [`${label.node}=${nodeId}`] };
  return {
    async survey(isKnown): Promise<readonly FoundAttempt[]> {
      try {
        const [containers, { Volumes: volumes }] = await Promise.all([
          within(answerMs, (abortSignal) => engine.docker().listContainers({ all: true, filters, abortSignal })),
          within(answerMs, (abortSignal) => engine.docker().listVolumes({ filters, abortSignal })),
        ]);
        const found = new Map<string, FoundAttempt>();
        for (const { Name: name } of volumes ?? []) note(found, name, { phase: "absent" });
        for (const { Names: names, Labels: labels, State: state } of containers) {
          const facts = { phase: phaseOf(state), ...knownLabels(labels) } as const;
          for (const name of names) note(found, name, facts);
        }
        return [...found.values()].filter(({ name }) => !isKnown(name));
      } catch (error) {
        throw translateEngineError(error, "EngineUnavailable", "cannot list containers");
      }
    },
  };
}

function note(
  found: Map<string, FoundAttempt>,
  engineName: string,
  facts: Pick<FoundAttempt, "phase" | "job" | "specSha256" | "gpus">,
): void {
  const name = parseContainerName(engineName);
  if (name === undefined) return;
  const cut = name.lastIndexOf("-");
  found.set(name, { name, uid: name.slice(0, cut), attempt: Number(name.slice(cut + 1)), ...facts });
}

function knownLabels(labels: Readonly<Record<string, string>>): Pick<FoundAttempt, "job" | "specSha256" | "gpus"> {
  const gpus = labels[label.gpus]?.split(",");
  return withoutUndefined({ job: labels[label.job], specSha256: labels[label.specSha256], gpus });
}

/** A paused or restarting program has run, so it is one that runs. */
function phaseOf(state: string): FoundAttempt["phase"] {
  if (state === "created") return "created";
  return state === "exited" || state === "dead" || state === "removing" ? "exited" : "running";
}
