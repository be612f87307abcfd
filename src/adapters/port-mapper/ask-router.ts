import { Worker } from "node:worker_threads";
import { tidy } from "../wireguard/run-tool.ts";

export interface MappingRequest {
  /** UDP, of this machine. */
  readonly port: number;
  /** IPv4 address of the router. */
  readonly gateway: string;
  /** This machine, as the router sees it. */
  readonly localHost: string;
}

export interface RouterQuestion extends MappingRequest {
  readonly act: "map" | "remove";
  readonly protocol: "nat-pmp" | "upnp";
  /** The port of the router: wished for, or given. */
  readonly external: number;
}

/** Where the port is seen outside, as the router says. */
export type RouterAnswer = { readonly host: string; readonly port: number } | { readonly problem: string };

/** The thread has limits of its own; this one is for a thread that hangs. */
const answerMs = { map: 20_000, remove: 3_000 };
/** A router's description may be of any size. */
const maxMegabytes = 48;

/**
 * Asks in a thread of its own, which ends with the answer: the library's sockets take packets of anybody on the network, and
 * throw on some where nobody can catch it. A thread that dies, or does not answer, is an answer too.
 */
export async function askRouter(question: RouterQuestion, signal: AbortSignal): Promise<RouterAnswer> {
  const name = import.meta.url.endsWith(".ts") ? "./mapping-worker.ts" : "./mapping-worker.js";
  const worker = new Worker(new URL(name, import.meta.url), {
    workerData: question,
    resourceLimits: { maxOldGenerationSizeMb: maxMegabytes },
    // The library's own log goes nowhere.
    stdout: true,
    stderr: true,
  });
  const timer = Promise.withResolvers<RouterAnswer>();
  const timeout = setTimeout(() => timer.resolve({ problem: "no answer in time" }), answerMs[question.act]);
  const stop = (): void => timer.resolve({ problem: "not waited for" });
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([answerOf(worker), timer.promise]);
  } finally {
    clearTimeout(timeout);
    signal.removeEventListener("abort", stop);
    await worker.terminate();
  }
}

function answerOf(worker: Worker): Promise<RouterAnswer> {
  return new Promise((resolve) => {
    const fail = (problem: string): void => resolve({ problem: tidy(problem) });
    worker.once("message", (answer: RouterAnswer) => ("problem" in answer ? fail(answer.problem) : resolve(answer)));
    worker.on("error", (error: unknown) => fail(error instanceof Error ? error.message : String(error)));
    worker.once("exit", () => fail("the search ended early"));
  });
}
