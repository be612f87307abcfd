import { parentPort } from "node:worker_threads";
import type { Gateway } from "@achingbrain/nat-port-mapper";
import type { MappingAnswer, MappingRequest } from "./port-mapper.ts";

/**
 * Runs the library in a thread of its own: its socket takes packets of anybody on the network, and throws on some where nobody
 * can catch it. That ends the thread, and nothing else.
 */
const pmpMs = 3_000;
const upnpMs = 10_000;
const removeMs = 2_000;

class Mapping {
  #held: { readonly gateway: Gateway; readonly port: number } | undefined;

  async ask(request: MappingRequest): Promise<MappingAnswer> {
    const failures: string[] = [];
    for (const [protocol, find, ms] of [
      ["nat-pmp", findPmp, pmpMs],
      ["upnp", findUpnp, upnpMs],
    ] as const) {
      try {
        const gateway = await find(request);
        this.#held = { gateway, port: request.port };
        const { externalHost: host, externalPort: port } = await gateway.map(request.port, request.localHost, {
          ...mapOptions(AbortSignal.timeout(ms)),
          externalPort: request.port,
        });
        return { kind: "mapped", protocol, host, port };
      } catch (error) {
        failures.push(`${protocol}: ${error instanceof Error ? error.message : String(error)}`);
        this.#held = undefined;
      }
    }
    return { kind: "none", problem: failures.join("; ") };
  }

  async remove(): Promise<MappingAnswer> {
    const held = this.#held;
    this.#held = undefined;
    // A router that does not answer forgets the mapping by itself, later.
    await held?.gateway.unmap(held.port, mapOptions(AbortSignal.timeout(removeMs))).catch(() => undefined);
    return { kind: "none", problem: "removed" };
  }
}

function mapOptions(signal: AbortSignal): {
  protocol: "UDP";
  autoRefresh: false;
  description: string;
  signal: AbortSignal;
} {
  return { protocol: "UDP", autoRefresh: false, description: "homie", signal };
}

async function findPmp({ gateway }: MappingRequest): Promise<Gateway> {
  const { pmpNat } = await import("@achingbrain/nat-port-mapper");
  return pmpNat(gateway);
}

/** Only the router itself: anybody in the network can answer the search. */
async function findUpnp({ gateway }: MappingRequest): Promise<Gateway> {
  const { upnpNat } = await import("@achingbrain/nat-port-mapper");
  for await (const found of upnpNat().findGateways({ signal: AbortSignal.timeout(upnpMs) }))
    if (found.host === gateway) return found;
  throw new Error("no answer");
}

const mapping = new Mapping();
parentPort?.on("message", (message: MappingRequest | "remove") => {
  void (message === "remove" ? mapping.remove() : mapping.ask(message)).then((answer) =>
    parentPort?.postMessage(answer),
  );
});
