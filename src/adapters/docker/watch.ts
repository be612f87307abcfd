import type Docker from "dockerode";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Engine } from "./connect.ts";
import { readJsonLines } from "./json-lines.ts";
import { label, parseContainerName } from "./names.ts";

export interface WatchParts {
  readonly engine: Engine;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Those after which a container is in another state. The engine also tells of what homie itself does (archive-path at each
 * copied file): woken by that, a collecting that fails would be tried again at once instead of after a pause.
 */
const tellingEvents = ["start", "die", "oom", "stop", "destroy", "pause", "unpause", "restart", "rename"] as const;
/** Podman tells of these by Docker's names, and yet wants its own to be asked for. */
const podmanEvents = ["died", "remove"] as const;

/** Undefined: events may have been lost, of any attempt. */
export type OnEvent = (attemptName: string | undefined, event?: string) => void;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

/** Follows the engine's events until disposed. Events may be lost while it is disconnected, hence the call with undefined. */
export function watchContainers(parts: WatchParts, onChange: OnEvent): Disposable {
  const abort = new AbortController();
  void follow(parts, onChange, abort.signal);
  return {
    [Symbol.dispose](): void {
      abort.abort();
    },
  };
}

async function follow(parts: WatchParts, onChange: OnEvent, signal: AbortSignal): Promise<void> {
  let isFirst = true;
  for (let pauseMs = firstPauseMs; !signal.aborted;) {
    try {
      const stream = await connect(parts, signal);
      if (!isFirst) onChange(undefined);
      pauseMs = firstPauseMs;
      await passOn(stream, onChange);
    } catch (error) {
      if (signal.aborted) return;
      parts.log.debug("the engine's events broke off", { error });
      parts.engine.forget();
    }
    // Whoever watches learns of the silence by the call after the reconnect, however long that takes.
    isFirst = false;
    await parts.clock.sleep(pauseMs * (0.5 + Math.random()), signal);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

async function passOn(stream: NodeJS.ReadableStream, onChange: OnEvent): Promise<void> {
  for await (const event of readJsonLines(stream as AsyncIterable<Buffer>)) {
    const name = parseContainerName(actorName(event));
    if (name !== undefined) onChange(name, actionOf(event));
  }
}

function connect({ engine, nodeId }: WatchParts, signal: AbortSignal): Promise<NodeJS.ReadableStream> {
  const filters = {
    type: ["container"],
    event: [...tellingEvents, ...podmanEvents],
    label: [`${label.node}=${nodeId}`],
  };
  // The client takes the signal; its type declarations do not say so.
  return engine.docker().getEvents({ filters, abortSignal: signal } as Docker.GetEventsOptions);
}

function actionOf(event: unknown): string {
  const action = (event as { Action?: unknown } | null)?.Action;
  return typeof action === "string" ? action : "";
}

function actorName(event: unknown): string {
  const name = (event as { Actor?: { Attributes?: { name?: unknown } } } | null)?.Actor?.Attributes?.name;
  return typeof name === "string" ? name : "";
}
