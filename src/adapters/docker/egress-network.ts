import type Docker from "dockerode";
import { HomieError } from "../../resources/errors.ts";
import type { EgressBridge } from "../egress/filter.ts";
import { isNotFound, statusOf, translateEngineError } from "./engine-error.ts";
import { label } from "./names.ts";
import { answerMs, within } from "./within.ts";

/** Whether Jobs that may reach out reach the internet alone, or everything this machine does. */
export type EgressMode = "filtered" | "unfiltered";

/** Jobs that may reach out share a bridge of homie's own, on which they cannot reach each other; one for each mode. */
export const egressNetworks = { filtered: "homie-filtered", unfiltered: "homie-egress" } as const;

const apart = { "com.docker.network.bridge.enable_icc": "false" } as const;
const options: Readonly<Record<EgressMode, Readonly<Record<string, string>>>> = {
  unfiltered: apart,
  filtered: {
    ...apart,
    // The rules go by this name; at most 15 characters.
    "com.docker.network.bridge.name": egressNetworks.filtered,
    // The filter's own table does it: without the filter nobody finds the way back to a Job.
    "com.docker.network.bridge.enable_ip_masquerade": "false",
  },
};

export async function ensureEgressNetwork(docker: Docker, mode: EgressMode): Promise<void> {
  const name = egressNetworks[mode];
  try {
    await within(answerMs, () => docker.getNetwork(name).inspect());
    return;
  } catch (error) {
    if (!isNotFound(error))
      throw translateEngineError(error, "ContainerCreateFailed", "cannot look up the network for Jobs");
  }
  try {
    await within(answerMs, () =>
      docker.createNetwork({
        Name: name,
        Driver: "bridge",
        CheckDuplicate: true,
        Internal: false,
        Attachable: false,
        EnableIPv6: false,
        Options: options[mode],
        Labels: { [label.managed]: "true" },
      }),
    );
  } catch (error) {
    // Another stage was faster.
    if (statusOf(error) === 409) return;
    throw translateEngineError(error, "ContainerCreateFailed", "cannot create the network for Jobs");
  }
}

/** The filtered bridge as it is. Throws HomieError EngineUnable for a network of that name that is another one. */
export async function readFilteredBridge(docker: Docker): Promise<EgressBridge> {
  const name = egressNetworks.filtered;
  const found = await within(answerMs, () => docker.getNetwork(name).inspect()).catch((error: unknown) => {
    throw translateEngineError(error, "ContainerCreateFailed", "cannot look up the network for Jobs");
  });
  const { Options: given, IPAM: addresses, EnableIPv6: six } = found as NetworkAnswer;
  const isOurs = Object.entries(options.filtered).every(([key, value]) => given?.[key] === value) && six !== true;
  const [range, ...more] = addresses?.Config ?? [];
  if (!isOurs || range?.Subnet === undefined || range.Gateway === undefined || more.length > 0) {
    throw new HomieError("EngineUnable", `the engine's network ${name} is not the one homie makes`, {
      hint: `remove it, homie makes it anew: docker network rm ${name}`,
    });
  }
  return { bridge: name, subnet: range.Subnet, gateway: range.Gateway };
}

interface NetworkAnswer {
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null };
}
