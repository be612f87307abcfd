import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HomieError } from "../../resources/errors.ts";
import type { Certificate } from "../../trust/certificate.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import { spendMemory } from "../system/memory-thrift.ts";
import { connectTls } from "../tls/dial.ts";
import type { Endpoint } from "../tls/endpoint.ts";
import { provedIdentity } from "../tls/session.ts";
import { readWhole } from "./read-whole.ts";
import { inertText } from "../../trust/inert-text.ts";

// Asked for, as an `import` would load undici (docs/architecture.md).
const { Agent, request } = process.getBuiltinModule("node:http");

export interface PeerClientOptions {
  readonly certificate: Certificate;
  /** Where a member was reached last, best first. */
  readonly endpointsOf: (node: string) => readonly Endpoint[];
  readonly signal: AbortSignal;
}
export interface PeerRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** A value is sent as JSON, anything iterable as a stream of bytes. */
  readonly body?: unknown;
  readonly stream?: AsyncIterable<Uint8Array>;
  /** Until the answer begins; a stream that moves is not cut. */
  readonly answerMs: number;
  readonly signal?: AbortSignal;
}
export interface PeerClient {
  /** The answer's JSON. Throws NotFound, PeerRefused or PeerUnreachable. */
  ask(node: string, asked: PeerRequest): Promise<unknown>;
  /** The answer's bytes as they come. */
  fetch(node: string, asked: PeerRequest): Promise<AsyncIterable<Uint8Array>>;
  /** Ends every connection to this machine, now. */
  drop(node: string): void;
  close(): void;
}

const connectMs = 5_000;
/** An answer without an end in sight is broken off when nothing comes for so long. */
const idleMs = 30_000;
const maxAnswerBytes = 32 * 2 ** 20;

/** Asks members of the crew. A connection is used only if the other end has proved to be the node that was meant. */
export function createPeerClient(options: PeerClientOptions): PeerClient {
  const agents = new Map<string, PeerAgent>();
  const agentOf = (node: string): PeerAgent => {
    const known = agents.get(node) ?? new PeerAgent(node, options);
    agents.set(node, known);
    return known;
  };
  return {
    async ask(node, asked) {
      const response = await send(agentOf(node), node, asked);
      const bytes = await readWhole(response, maxAnswerBytes);
      try {
        return JSON.parse(bytes.toString()) as unknown;
      } catch (error) {
        throw new HomieError("PeerRefused", `${node} answered ${asked.path} with something that is no JSON`, {
          cause: error,
        });
      }
    },
    async fetch(node, asked) {
      return send(agentOf(node), node, asked);
    },
    drop(node) {
      agents.get(node)?.destroy();
      agents.delete(node);
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

/** Keeps connections to one node open between requests. */
class PeerAgent extends Agent {
  readonly #node: string;
  readonly #options: PeerClientOptions;

  constructor(node: string, options: PeerClientOptions) {
    super({ keepAlive: true, maxFreeSockets: 4, timeout: idleMs });
    this.#node = node;
    this.#options = options;
  }

  override createConnection(
    _: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    this.#connect().then(
      (socket) => callback?.(null, socket),
      (error: unknown) => callback?.(error as Error, undefined as never),
    );
    return undefined;
  }

  async #connect(): Promise<Duplex> {
    const { certificate, endpointsOf, signal } = this.#options;
    const endpoints = endpointsOf(this.#node);
    let failure: unknown = new Error("nobody knows where it is");
    for (const endpoint of endpoints) {
      try {
        const deadline = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
        const socket = await connectTls(endpoint, certificate, deadline);
        const identity = provedIdentity(socket);
        // Before a single byte of ours: whoever sits at a stolen address learns nothing.
        if (identity !== undefined && nodeIdOf(identity) === this.#node) return socket;
        socket.destroy();
        failure = new Error("another machine answers there");
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

async function send(agent: PeerAgent, node: string, asked: PeerRequest): Promise<IncomingMessage> {
  try {
    return await sendOnce(agent, node, asked);
  } catch (error) {
    // A kept connection may have been closed by the other end just then. Every request is safe to repeat; a stream is spent.
    if (!(error instanceof StaleConnection) || asked.stream !== undefined) throw unreachable(node, error);
    return await sendOnce(agent, node, asked).catch((again: unknown) => {
      throw unreachable(node, again);
    });
  }
}

class StaleConnection extends Error {}

function sendOnce(agent: PeerAgent, node: string, asked: PeerRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = asked.body === undefined ? undefined : Buffer.from(JSON.stringify(asked.body));
    const asking = request({
      agent,
      method: asked.method,
      path: asked.path,
      // What was sent may take its time on the other side: an image is loaded before the answer comes.
      timeout: asked.stream === undefined ? idleMs : Math.max(idleMs, asked.answerMs),
      headers: { host: "homie", ...headersOf(asked, body) },
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
    const timer = setTimeout(() => asking.destroy(new Error("no answer in time")), asked.answerMs);
    asking.once("response", (response) => {
      clearTimeout(timer);
      judgeAnswer(response, node, asked.path).then(resolve, reject);
    });
    asking.once("timeout", () => asking.destroy(new Error("nothing came for too long")));
    asking.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const stale = asking.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
    });
    sendBody(asking, asked, body, timer);
  });
}

function headersOf(asked: PeerRequest, body: Buffer | undefined): Record<string, string | number> {
  if (asked.stream !== undefined) return { "content-type": "application/octet-stream", "transfer-encoding": "chunked" };
  if (body === undefined) return { "content-length": 0 };
  return { "content-type": "application/json", "content-length": body.length };
}

/** While a stream moves the answer is not late. */
function sendBody(asking: ClientRequest, asked: PeerRequest, body: Buffer | undefined, timer: NodeJS.Timeout): void {
  if (asked.stream === undefined) return void asking.end(body);
  const moving = async function* (chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    using _memory = spendMemory();
    for await (const chunk of chunks) {
      timer.refresh();
      yield chunk;
    }
  };
  pipeline(Readable.from(moving(asked.stream), { objectMode: false }), asking).catch((error: unknown) => {
    asking.destroy(error instanceof Error ? error : new Error("the upload was broken off"));
  });
}

async function judgeAnswer(response: IncomingMessage, node: string, path: string): Promise<IncomingMessage> {
  const { statusCode = 0 } = response;
  if (statusCode === 200) return response;
  const message = await readWhole(response, 64 * 1024).then(messageOf, () => "");
  const said = message === "" ? `${node} answered ${statusCode} to ${path}` : message;
  if (statusCode === 404) throw new HomieError("NotFound", said);
  throw new HomieError(statusCode === 503 || statusCode === 429 ? "PeerUnreachable" : "PeerRefused", said);
}

/** Text of another machine: no control or formatting characters. */
function messageOf(bytes: Buffer): string {
  try {
    const { message } = JSON.parse(bytes.toString()) as { readonly message?: unknown };
    return typeof message === "string" ? inertText(message.slice(0, 2_000)) : "";
  } catch {
    return ""; // an answer without words; the number says what there is to say
  }
}

function unreachable(node: string, error: unknown): HomieError {
  if (error instanceof HomieError) return error;
  const because = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new HomieError("PeerUnreachable", `${node} does not answer: ${because}`, { cause: error });
}
