import { parentPort, workerData } from "node:worker_threads";
import { type Gateway, pmpNat, upnpNat } from "@achingbrain/nat-port-mapper";
import type { RouterAnswer, RouterQuestion } from "./ask-router.ts";

/** As RFC 6886 doubles them: a datagram may be lost, and the library sends each once. */
const pmpMs = [500, 1_000, 2_000];
const upnpMs = { map: 10_000, remove: 2_500 };
const searchMs = 2_000;
const description = "homie";
/** The library has milliseconds for UPnP, and what it calls so goes out as seconds for NAT-PMP. */
const lease = { "nat-pmp": 7_200, upnp: 3_600_000 };

/** What the library has inside, and needs to be told once more. */
interface UpnpInside {
  getGateway(options: { readonly signal: AbortSignal }): Promise<{
    run(
      service: string,
      action: string,
      args: readonly (readonly [string, string | number])[],
      options: { readonly signal: AbortSignal },
    ): Promise<unknown>;
  }>;
}

async function askPmp(question: RouterQuestion): Promise<RouterAnswer> {
  let problem: unknown;
  for (const ms of pmpMs) {
    const gateway = pmpNat(question.gateway);
    try {
      const signal = AbortSignal.timeout(ms);
      if (question.act === "map") return await map(gateway, question, signal);
      await gateway.unmap(question.port, { signal, ...{ protocol: "UDP" } });
      return { host: "", port: 0 };
    } catch (error) {
      problem = error;
    } finally {
      // One that failed has closed its socket already.
      await gateway.stop().catch(() => undefined);
    }
  }
  throw problem;
}

/** Only the router itself: anybody in the network can answer the search. */
async function askUpnp(question: RouterQuestion): Promise<RouterAnswer> {
  const signal = AbortSignal.timeout(upnpMs[question.act]);
  for await (const found of upnpNat().findGateways({ signal, searchInterval: searchMs })) {
    if (found.host !== question.gateway) continue;
    if (question.act === "map") return await map(found, question, signal);
    await remove(found as unknown as UpnpInside, question.external, signal);
    return { host: "", port: 0 };
  }
  throw new Error("no answer");
}

async function map(
  gateway: Gateway,
  { port: internal, external, localHost, protocol }: RouterQuestion,
  signal: AbortSignal,
): Promise<RouterAnswer> {
  const ttl = lease[protocol];
  const options = { protocol: "UDP", autoRefresh: false, externalPort: external, description, ttl, signal } as const;
  const { externalHost: host, externalPort: port } = await gateway.map(internal, localHost, options);
  return { host, port };
}

/** The library's own names no protocol, which routers refuse. */
async function remove(gateway: UpnpInside, port: number, signal: AbortSignal): Promise<void> {
  const device = await gateway.getGateway({ signal });
  const args = [
    ["NewRemoteHost", ""],
    ["NewExternalPort", port],
    ["NewProtocol", "UDP"],
  ] as const;
  await device.run("urn:schemas-upnp-org:service:WANIPConnection:2", "DeletePortMapping", args, { signal });
}

async function answer(question: RouterQuestion): Promise<RouterAnswer> {
  try {
    return await (question.protocol === "upnp" ? askUpnp(question) : askPmp(question));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(await answer(workerData as RouterQuestion));
