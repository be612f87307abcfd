/**
 * The API's own view of HTTP, whoever carries it: the socket's server, or the CLI in this process. Not Node's global
 * `Request` and `Response`: touching either loads undici, 4 MiB that a daemon then holds for as long as it lives.
 */

/** What somebody asks. */
export interface Call {
  readonly method: string;
  /** Path and query as they were sent: encoded, and beginning with "/". */
  readonly target: string;
  /** The body; absent where none can come. */
  readonly body?: AsyncIterable<Uint8Array>;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
  /** A header by its name in lower case; one sent several times is joined with ", ". */
  header(name: string): string | undefined;
  /** Ends an answer in a way its reader cannot take for the end: there is no other sign once the head is sent. */
  cut(): void;
}
/** A call, taken apart for whoever answers it. */
export interface Request extends Call {
  /** Still encoded, without the query. */
  readonly path: string;
  readonly parameters: URLSearchParams;
  /** What stands in the path for the `:name` of its route, decoded. */
  readonly names: Readonly<Record<string, string>>;
}
export interface Answer {
  readonly code: number;
  readonly headers: AnswerHeaders;
  /** Text is sent at once and with its length; a stream is sent as it grows. */
  readonly body: string | ByteStream;
}
/** By names in lower case; a list is sent as several headers. */
export type AnswerHeaders = Readonly<Record<string, string | string[]>>;
export type ByteStream = AsyncIterableIterator<Uint8Array, undefined>;
export type Responder = (request: Request) => Answer | Promise<Answer>;
/** What answers calls; it never throws. */
export interface Api {
  answer(call: Call): Promise<Answer>;
}

export function json(body: unknown, code = 200, headers: AnswerHeaders = {}): Answer {
  return { code, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

export function plainText(body: string, code = 200): Answer {
  return { code, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

export function streamed(body: ByteStream, contentType: string, headers: AnswerHeaders = {}): Answer {
  return { code: 200, headers: { "content-type": contentType, ...headers }, body };
}

export interface StreamParts {
  /** The next bytes, or undefined at the end; a rejection breaks the body off. */
  next(): Promise<Uint8Array | undefined>;
  /** The reader has gone, perhaps while a `next` still waits: it has to come to an end now. */
  close(): Promise<void> | void;
}

/** A body of which nothing is made before somebody reads. A generator would not do: its `return` waits for its `next`. */
export function createByteStream({ next, close }: StreamParts): ByteStream {
  const over = { done: true, value: undefined } as const;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const value = await next();
      return value === undefined ? over : { done: false, value };
    },
    async return() {
      await close();
      return over;
    },
  };
}
