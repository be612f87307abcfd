import { Worker } from "node:worker_threads";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { tidy } from "../wireguard/run-tool.ts";

export interface MappingRequest {
  /** UDP, here and wished for outside. */
  readonly port: number;
  /** IPv4 address of the router. */
  readonly gateway: string;
  /** This machine, as the router sees it. */
  readonly localHost: string;
}

export type MappingAnswer =
  | { readonly kind: "mapped"; readonly protocol: "nat-pmp" | "upnp"; readonly host: string; readonly port: number }
  | { readonly kind: "none"; readonly problem: string };

export interface PortMapperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** What to ask for; undefined: no router, or no need. */
  readonly request: () => Promise<MappingRequest | undefined>;
  /** A mapping came, went, or changed. */
  readonly onChange: () => void;
}

/** Routers give a mapping for two hours (RFC 6886) or one; long before, it is asked for again. */
const renewMs = 20 * 60_000;
const retryMs = 10 * 60_000;
const longestRetryMs = 6 * 3_600_000;
const answerMs = 30_000;

/** Keeps a UDP port mapped at the router, by NAT-PMP or UPnP, for as long as it lives. Throws nothing. */
export class PortMapper {
  readonly #options: PortMapperOptions;
  #answer: MappingAnswer | undefined;
  #worker: Worker | undefined;
  #ending = new AbortController();
  #failures = 0;

  constructor(options: PortMapperOptions) {
    this.#options = options;
    void this.#run(this.#ending.signal);
  }

  /** The last answer; undefined before the first, and where there is nothing to ask for. */
  get answer(): MappingAnswer | undefined {
    return this.#answer;
  }

  /** The machine is somewhere else: what was mapped is of no use. */
  restart(): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    this.#failures = 0;
    void this.#run(this.#ending.signal);
  }

  /** Takes the mapping away, if the router answers soon. */
  async close(): Promise<void> {
    this.#ending.abort();
    const worker = this.#worker;
    this.#worker = undefined;
    if (this.#answer?.kind === "mapped" && worker !== undefined) await ask(worker, "remove", answerMs / 10);
    await worker?.terminate();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, request } = this.#options;
    while (!signal.aborted) {
      const asked = await request().catch(() => undefined);
      const answer = asked === undefined ? undefined : await this.#map(asked);
      if (signal.aborted) return;
      this.#tell(answer);
      this.#failures = answer?.kind === "mapped" ? 0 : this.#failures + 1;
      const pause = Math.min(longestRetryMs, retryMs * 2 ** Math.max(0, this.#failures - 1));
      await clock.sleep(this.#failures === 0 ? renewMs : pause, signal);
    }
  }

  async #map(request: MappingRequest): Promise<MappingAnswer> {
    const worker = this.#worker ?? startWorker();
    this.#worker = worker;
    const answer = await ask(worker, request, answerMs);
    if (answer.kind === "mapped") return answer;
    // Without a mapping nothing is to be kept.
    if (this.#worker === worker) this.#worker = undefined;
    await worker.terminate();
    return answer;
  }

  #tell(answer: MappingAnswer | undefined): void {
    const isOther = JSON.stringify(answer) !== JSON.stringify(this.#answer);
    this.#answer = answer;
    if (!isOther) return;
    if (answer?.kind === "mapped") this.#options.log.info("the router maps a port to the tunnel", { ...answer });
    this.#options.onChange();
  }
}

function startWorker(): Worker {
  const name = import.meta.url.endsWith(".ts") ? "./mapping-worker.ts" : "./mapping-worker.js";
  const worker = new Worker(new URL(name, import.meta.url), { stdout: true, stderr: true });
  worker.unref();
  return worker;
}

/** A thread that dies, or does not answer, is an answer too. */
function ask(worker: Worker, message: MappingRequest | "remove", ms: number): Promise<MappingAnswer> {
  return new Promise((resolve) => {
    const end = (answer: MappingAnswer): void => {
      clearTimeout(timer);
      worker.removeAllListeners();
      worker.on("error", () => undefined);
      resolve(answer);
    };
    const none = (problem: string): void => end({ kind: "none", problem: tidy(problem) });
    const timer = setTimeout(() => none("no answer in time"), ms);
    worker.once("message", (answer: MappingAnswer) => (answer.kind === "none" ? none(answer.problem) : end(answer)));
    worker.once("error", (error: unknown) => none(error instanceof Error ? error.message : String(error)));
    worker.once("exit", () => none("the search ended early"));
    worker.postMessage(message);
  });
}
