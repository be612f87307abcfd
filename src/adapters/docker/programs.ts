import type Docker from "dockerode";
import type { RuntimeFacts } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Capture } from "./capture.ts";
import type { Captures } from "./captures.ts";
import type { Engine } from "./connect.ts";
import { parseContainerFacts } from "./container-facts.ts";
import type { Containers } from "./containers.ts";
import { isNotFound, statusOf, translateEngineError } from "./engine-error.ts";
import { containerName } from "./names.ts";
import { mayBeStartError, withStartError } from "./start-error.ts";
import { within } from "./within.ts";

/** Starts and stops what was staged. The caller makes sure that calls for one attempt follow each other. */
export interface Programs {
  inspect(attempt: Attempt): Promise<RuntimeFacts>;
  start(attempt: Attempt): Promise<void>;
  resumeCapture(attempt: Attempt): Promise<void>;
  stop(attempt: Attempt, graceSeconds: number): Promise<void>;
}

export interface ProgramsParts {
  readonly engine: Engine;
  readonly containers: Containers;
  readonly captures: Captures;
  readonly clock: Clock;
  readonly log: Logger;
}

const startMs = 60_000;
/** The engine answers a stop when the container has ended, but refuses at once. */
const stopRefusedMs = 50;

export function createPrograms({ engine, containers, captures, clock, log }: ProgramsParts): Programs {
  const handle = (containerId: string): Docker.Container => engine.docker().getContainer(containerId);

  async function inspect(attempt: Attempt): Promise<RuntimeFacts> {
    const found = await containers.inspect(attempt);
    if (found === undefined) return { phase: "absent" };
    const facts = parseContainerFacts(found);
    if (!mayBeStartError(facts, found.Path)) return facts;
    return withStartError(facts, engine.docker().getContainer(found.Id), attempt.spec.argv[0] ?? "");
  }

  async function start(attempt: Attempt): Promise<void> {
    const facts = await inspect(attempt);
    if (facts.phase === "absent") throw startFailed(attempt, "it is gone");
    // Docker would run an exited container a second time.
    if (facts.phase !== "created") return captures.resume(attempt, handle(facts.containerId));
    if (facts.specSha256 !== attempt.spec.specSha256) throw startFailed(attempt, "it was made from another spec");
    const container = handle(facts.containerId);
    const capture = await captures.attach(attempt, container);
    try {
      await within(startMs, (abortSignal) => container.start({ abortSignal }));
    } catch (error) {
      await settleFailedStart(attempt, capture, error);
    }
  }

  /** The engine's answer alone does not say whether the program could not be executed or the engine had trouble. */
  async function settleFailedStart(attempt: Attempt, capture: Capture, error: unknown): Promise<void> {
    const after = await inspect(attempt).catch((): RuntimeFacts => ({ phase: "absent" }));
    if (after.phase === "running" || (after.phase === "exited" && after.startError === undefined)) return;
    await capture.end(after.phase === "exited" ? "finish" : "leave");
    if (after.phase !== "exited")
      throw translateEngineError(error, "ContainerCreateFailed", `cannot start ${containerName(attempt)}`);
  }

  async function resumeCapture(attempt: Attempt): Promise<void> {
    const found = await containers.inspect(attempt);
    // Without a container there is nothing to add, but whoever follows the log has to learn that it ended.
    if (found === undefined) return captures.resume(attempt, containers.handle(attempt));
    if (parseContainerFacts(found).phase !== "created") await captures.resume(attempt, handle(found.Id));
  }

  async function stop(attempt: Attempt, graceSeconds: number): Promise<void> {
    const found = await containers.inspect(attempt);
    if (found === undefined) return;
    let isLate = false;
    const stopping = handle(found.Id)
      .stop({ t: graceSeconds })
      .catch((error: unknown) => {
        // 304: it is not running.
        if (isNotFound(error) || statusOf(error) === 304) return;
        if (!isLate) throw translateEngineError(error, "EngineUnavailable", `cannot stop ${containerName(attempt)}`);
        log.warn("a stop was not carried out", { container: containerName(attempt), error });
      });
    const late = clock.sleep(stopRefusedMs).then(() => {
      isLate = true;
    });
    await Promise.race([stopping, late]);
  }

  return { inspect, start, resumeCapture, stop };
}

function startFailed(attempt: Attempt, because: string): HomieError {
  return new HomieError("ContainerCreateFailed", `cannot start ${containerName(attempt)}: ${because}`, {
    hint: "it has to be staged again",
  });
}
