import { parseAnswer, readLines, readStatus, StrangeAnswer } from "./client.ts";
import type { Client } from "./client.ts";
import { listPath } from "./client.ts";
import { HomieError } from "../resources/errors.ts";
import type { KindWords } from "./kinds.ts";
import type { Terminal } from "./terminal.ts";

export interface WatchedEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: unknown;
}
export interface WatchRequest {
  readonly kind: KindWords;
  readonly accept?: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

/** One watch from a version on; ends when the daemon ends it. Throws ApiError Expired for a version that is too old. */
export async function* watchOnce(
  client: Client,
  request: WatchRequest,
  resourceVersion: string,
  signal: AbortSignal,
): AsyncGenerator<WatchedEvent> {
  const path = listPath(request.kind, { ...request.query, watch: "true", resourceVersion });
  const response = await client.send({
    method: "GET",
    path,
    headers: { accept: request.accept ?? "application/json" },
    signal,
  });
  for await (const line of readLines(response.body)) {
    const event = parseAnswer(line) as { type: WatchedEvent["type"] | "ERROR"; object: { code?: number } };
    if (event.type === "ERROR") throw readStatus(event.object.code ?? 500, JSON.stringify(event.object));
    yield { type: event.type, object: event.object };
  }
}

const pauseMs = 500;
/** A daemon that restarts is back well before. */
const patienceMs = 30_000;

/**
 * Runs `round` (list, then watch) again and again until it answers something: watches end, versions expire, daemons
 * restart. Gives up when the daemon stays away for 30 s.
 */
export async function repeatRounds<T>(
  terminal: Terminal,
  signal: AbortSignal,
  round: () => Promise<T | undefined>,
): Promise<T> {
  let goneSince: number | undefined;
  for (;;) {
    try {
      const answer = await round();
      if (answer !== undefined) return answer;
      goneSince = undefined;
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error;
      const now = terminal.now().getTime();
      if (error.code === "DaemonUnavailable") goneSince ??= now;
      if (goneSince !== undefined && now - goneSince > patienceMs) throw error;
    }
    await terminal.sleep(pauseMs, signal);
  }
}

function isPassing(error: unknown): error is HomieError {
  if (error instanceof StrangeAnswer) return false;
  return error instanceof HomieError && (error.code === "DaemonUnavailable" || error.code === "Expired");
}
