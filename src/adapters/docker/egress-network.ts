import type Docker from "dockerode";
import { isNotFound, statusOf, translateEngineError } from "./engine-error.ts";
import { label } from "./names.ts";
import { answerMs, within } from "./within.ts";

/** Jobs that may reach out share one bridge of homie's own, on which they cannot reach each other. */
export const egressNetworkName = "homie-egress";

export async function ensureEgressNetwork(docker: Docker): Promise<void> {
  try {
    await within(answerMs, () => docker.getNetwork(egressNetworkName).inspect());
    return;
  } catch (error) {
    if (!isNotFound(error))
      throw translateEngineError(error, "ContainerCreateFailed", "cannot look up the network for Jobs");
  }
  try {
    await within(answerMs, () =>
      docker.createNetwork({
        Name: egressNetworkName,
        Driver: "bridge",
        CheckDuplicate: true,
        Internal: false,
        Attachable: false,
        Options: { "com.docker.network.bridge.enable_icc": "false" },
        Labels: { [label.managed]: "true" },
      }),
    );
  } catch (error) {
    // Another stage was faster.
    if (statusOf(error) === 409) return;
    throw translateEngineError(error, "ContainerCreateFailed", "cannot create the network for Jobs");
  }
}
