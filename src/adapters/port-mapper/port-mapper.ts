import { isIPv4 } from "node:net";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { askRouter, type MappingRequest, type RouterAnswer, type RouterQuestion } from "./ask-router.ts";

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
  /** Tests bring a router along. */
  readonly ask?: (question: RouterQuestion, signal: AbortSignal) => Promise<RouterAnswer>;
}

/** Routers give a mapping for two hours (RFC 6886) or one; long before, it is asked for again. */
const renewMs = 20 * 60_000;
/** A router that had one is back soon. */
const againMs = 60_000;
const retryMs = 10 * 60_000;
const longestRetryMs = 6 * 3_600_000;

/** Keeps a UDP port mapped at the router, by NAT-PMP or UPnP, for as long as it lives. Throws nothing. */
export class PortMapper {
  readonly #options: PortMapperOptions;
  readonly #running: Promise<void>;
  #answer: MappingAnswer | undefined;
  /** What the router gave last, to be given back. */
  #held: Omit<RouterQuestion, "act"> | undefined;
  #turn = new AbortController();
  #failures = 0;
  #isClosed = false;

  constructor(options: PortMapperOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The last answer; undefined before the first, and where there is nothing to ask for. */
  get answer(): MappingAnswer | undefined {
    return this.#answer;
  }

  /** Something else is to be asked for, or somebody else to be asked. */
  restart(): void {
    this.#failures = 0;
    this.#turn.abort();
  }

  /** Gives the mapping back, if the router answers soon. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#turn.abort();
    await this.#running;
    await this.#giveBack();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#turn = new AbortController();
      const { signal } = this.#turn;
      const answer = await this.#look(signal);
      if (signal.aborted) continue;
      const pauseMs = this.#pauseMs(answer);
      this.#tell(answer);
      await this.#options.clock.sleep(pauseMs, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<MappingAnswer | undefined> {
    const { log, request } = this.#options;
    const wanted = await request().catch((error: unknown) => {
      log.debug("it is unknown who the router is", { error });
      return undefined;
    });
    if (this.#held?.port !== wanted?.port) await this.#giveBack();
    return wanted === undefined || signal.aborted ? undefined : await this.#map(wanted, signal);
  }

  async #map(request: MappingRequest, signal: AbortSignal): Promise<MappingAnswer> {
    const problems: string[] = [];
    // Another port outside would be another mapping.
    const external = this.#held?.external ?? request.port;
    for (const protocol of ["nat-pmp", "upnp"] as const) {
      const answer = await this.#ask({ act: "map", protocol, external, ...request }, signal);
      if (!("problem" in answer)) {
        this.#held = { protocol, external: answer.port, ...request };
        return { kind: "mapped", protocol, ...answer };
      }
      problems.push(`${protocol}: ${answer.problem}`);
    }
    return { kind: "none", problem: problems.join("; ") };
  }

  /** What a router says may be anything. */
  async #ask(question: RouterQuestion, signal: AbortSignal): Promise<RouterAnswer> {
    if (signal.aborted) return { problem: "not asked" };
    const answer = await (this.#options.ask ?? askRouter)(question, signal);
    if ("problem" in answer || question.act === "remove") return answer;
    const { host, port } = answer;
    const isSound = isIPv4(host) && Number.isInteger(port) && port > 0 && port < 65_536;
    return isSound ? { host, port } : { problem: "the router answers with what is no address" };
  }

  async #giveBack(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    const answer = await this.#ask({ act: "remove", ...held }, new AbortController().signal);
    // It ends by itself, later.
    if ("problem" in answer) this.#options.log.debug("the router did not take its mapping back", { ...answer });
  }

  #pauseMs(answer: MappingAnswer | undefined): number {
    if (answer?.kind === "mapped") {
      this.#failures = 0;
      return renewMs;
    }
    this.#failures += 1;
    if (this.#answer?.kind === "mapped") return againMs;
    return Math.min(longestRetryMs, retryMs * 2 ** (this.#failures - 1));
  }

  #tell(answer: MappingAnswer | undefined): void {
    const isOther = JSON.stringify(answer) !== JSON.stringify(this.#answer);
    const isLost = this.#answer?.kind === "mapped" && answer?.kind !== "mapped";
    this.#answer = answer;
    if (!isOther) return;
    if (answer?.kind === "mapped") this.#options.log.info("the router maps a port to the tunnel", { ...answer });
    if (isLost) this.#options.log.info("the router maps no port to the tunnel any more", { ...answer });
    this.#options.onChange();
  }
}
