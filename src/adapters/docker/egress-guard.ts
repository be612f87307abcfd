import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import type { EgressFilter } from "../egress/filter.ts";
import type { Captures } from "./captures.ts";
import type { Engine } from "./connect.ts";
import type { Containers } from "./containers.ts";
import { egressNetworks, ensureEgressNetwork, readFilteredBridge, type EgressMode } from "./egress-network.ts";
import { isNotFound } from "./engine-error.ts";
import { attemptName, containerName } from "./names.ts";
import { answerMs, within } from "./within.ts";

/** Sees to it that no Job is on the filtered bridge without its filter. */
export interface EgressGuard {
  /** Before a container is made: the network it goes to, with the filter in place. Throws HomieError EngineUnable. */
  prepare(): Promise<string>;
  /** Before it is started: time has passed. Throws the same. */
  check(attempt: Attempt): Promise<void>;
  /** While it may run the rules are looked at every two seconds; where they cannot be had it loses its network. */
  follow(attempt: Attempt): Promise<void>;
  close(): Promise<void>;
}

export interface EgressGuardParts {
  readonly engine: Engine;
  readonly containers: Containers;
  readonly captures: Captures;
  readonly filter: EgressFilter;
  /** What Limits say at this moment. */
  readonly mode: () => EgressMode;
  readonly clock: Clock;
  readonly log: Logger;
}

const lookMs = 2_000;

export function createEgressGuard(parts: EgressGuardParts): EgressGuard {
  const { engine, containers, filter } = parts;
  const watch = new EgressWatch(parts);

  const isFiltered = async (attempt: Attempt): Promise<boolean> =>
    (await containers.inspect(attempt))?.HostConfig?.NetworkMode === egressNetworks.filtered;

  async function ensure(): Promise<void> {
    await filter.ensure(await readFilteredBridge(engine.docker()));
  }

  return {
    async prepare(): Promise<string> {
      const mode = parts.mode();
      await ensureEgressNetwork(engine.docker(), mode);
      if (mode === "filtered") await ensure();
      return egressNetworks[mode];
    },
    async check(attempt): Promise<void> {
      if (attempt.spec.network === "egress" && (await isFiltered(attempt))) await ensure();
    },
    async follow(attempt): Promise<void> {
      if (attempt.spec.network === "egress" && (await isFiltered(attempt))) watch.follow(attempt);
    },
    close: () => watch.close(),
  };
}

/** Looks at the rules for as long as a Job on the bridge may be running. */
class EgressWatch {
  readonly #parts: EgressGuardParts;
  readonly #followed = new Map<string, Attempt>();
  readonly #abort = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(parts: EgressGuardParts) {
    this.#parts = parts;
  }

  follow(attempt: Attempt): void {
    this.#followed.set(attemptName(attempt), attempt);
    this.#watching ??= this.#watch();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { clock, captures } = this.#parts;
    const { signal } = this.#abort;
    while (this.#followed.size > 0 && !signal.aborted) {
      await this.#look();
      await clock.sleep(lookMs, signal);
      for (const [name, attempt] of this.#followed)
        if (captures.facts(attempt).phase !== "live") this.#followed.delete(name);
    }
    this.#watching = undefined;
  }

  async #look(): Promise<void> {
    const { engine, filter, log } = this.#parts;
    const bridge = await readFilteredBridge(engine.docker()).catch((error: unknown) => {
      // An engine that does not answer says nothing about the rules, and they stand without it.
      log.debug("the network for Jobs cannot be looked up", { error });
      return undefined;
    });
    if (bridge === undefined) return;
    await filter.ensure(bridge).catch((error: unknown) => this.#takeNetworks(error));
  }

  async #takeNetworks(because: unknown): Promise<void> {
    const { captures, log } = this.#parts;
    log.error("Jobs lose their network: it cannot be filtered any more", { error: because });
    const why = because instanceof Error ? because.message : String(because);
    for (const [name, attempt] of this.#followed) {
      try {
        await this.#takeNetwork(attempt);
        captures.remark(attempt, `the network was taken away: ${why}`);
        this.#followed.delete(name);
      } catch (error) {
        // Tried again at the next look.
        log.error("a network could not be taken away", { container: containerName(attempt), error });
      }
    }
  }

  async #takeNetwork(attempt: Attempt): Promise<void> {
    const network = this.#parts.engine.docker().getNetwork(egressNetworks.filtered);
    try {
      await within(answerMs, () => network.disconnect({ Container: containerName(attempt), Force: true }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
