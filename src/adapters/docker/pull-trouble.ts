import type { Clock } from "../../reconciler/types.ts";

/** A layer that is unpacked is told of all the time too; two minutes without a word are a connection that died. */
const silentMs = 120_000;

/** What the engine says of a registry that is there and will do better later: too many requests, broken, too slow. */
const passing = [
  /toomanyrequests|too many requests/i,
  /(unexpected|received).*status.*\b(429|5\d\d)\b/i,
  /\b(500 Internal Server Error|502 Bad Gateway|503 Service Unavailable|504 Gateway Time-?out)\b/i,
  /TLS handshake timeout|i\/o timeout|Client\.Timeout exceeded|context deadline exceeded/i,
  /unexpected EOF|connection reset by peer/i,
] as const;

/** Another try may go well. A name that nobody knows, an image for other processors, or no network at all are no such trouble. */
export function isPassing(message: string): boolean {
  return message === silence || passing.some((pattern) => pattern.test(message));
}

const silence = `nothing has come for ${silentMs / 1000} s`;

/** Ends a pull of which nothing is heard any more. */
export interface SilenceWatch extends AsyncDisposable {
  /** Aborted with the outer one, or after the silence. */
  readonly signal: AbortSignal;
  readonly message: string;
  hear(stream: NodeJS.ReadableStream): AsyncIterable<Buffer>;
}

export function watchSilence(clock: Clock, outer: AbortSignal): SilenceWatch {
  const [given, over] = [new AbortController(), new AbortController()];
  let heardMs = clock.monotonicMs();
  const watching = (async (): Promise<void> => {
    for (let leftMs = silentMs; leftMs > 0 && !over.signal.aborted;) {
      await clock.sleep(leftMs, over.signal);
      leftMs = heardMs + silentMs - clock.monotonicMs();
    }
    if (!over.signal.aborted) given.abort(new Error(silence));
  })();
  return {
    signal: AbortSignal.any([outer, given.signal]),
    message: silence,
    async *hear(stream) {
      for await (const chunk of stream) {
        heardMs = clock.monotonicMs();
        yield chunk as Buffer;
      }
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await watching;
    },
  };
}
