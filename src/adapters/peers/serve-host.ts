import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Logger } from "../../reconciler/types.ts";
import type { AttemptReason } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { maxClaimBytes, uuid } from "../../trust/claim.ts";
import type { AttemptHost } from "./host-port.ts";
import { readWhole } from "./read-whole.ts";
import { inertText } from "../../trust/inert-text.ts";

/** A sealed message is text in JSON in JSON: quotes double. */
const maxBodyBytes = 2 * maxClaimBytes;
/** A body that stands still is not waited for. */
const bodyIdleMs = 30_000;

interface Call {
  readonly node: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly url: URL;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}
type Route = (host: AttemptHost, call: Call, name: string) => Promise<void>;

/** Answers requests of members under /homie/v1/. Whatever goes wrong with one is that caller's alone. */
export function createHostHandler(
  host: AttemptHost,
  log: Logger,
): (node: string, incoming: IncomingMessage, outgoing: ServerResponse) => void {
  return (node, incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    if (!incoming.complete) watchBody(incoming);
    const call = { node, incoming, outgoing, url: urlOf(incoming), signal: gone.signal };
    route(host, call).catch((error: unknown) => refuse(call, error, log));
  };
}

/** A target that is no URL leads nowhere, as any other unknown path. */
function urlOf({ url = "" }: IncomingMessage): URL {
  const target = url.startsWith("/") && !url.startsWith("//") ? url : "/";
  return URL.parse(target, "http://homie") ?? new URL("http://homie/");
}

/** Not with the socket's own timer: that one would add a listener for every request of a long-lived connection. */
function watchBody(incoming: IncomingMessage): void {
  const { socket } = incoming;
  let before = -1;
  const timer = setInterval(() => {
    if (incoming.complete || incoming.destroyed) return clearInterval(timer);
    if (socket.bytesRead === before) incoming.destroy(new Error("the body stands still"));
    before = socket.bytesRead;
  }, bodyIdleMs).unref();
  incoming.once("close", () => clearInterval(timer));
}

async function route(host: AttemptHost, call: Call): Promise<void> {
  const { method } = call.incoming;
  const { pathname } = call.url;
  if (method === "POST" && pathname === "/homie/v1/claims") {
    const { bytes, seal } = await readSealed(call, "claim");
    return answer(call, await host.claim(call.node, bytes, seal));
  }
  const [, name, verb] = /^\/homie\/v1\/attempts\/([0-9a-f-]{36}-[0-9]{1,7})\/([a-z]{1,16})$/.exec(pathname) ?? [];
  const found = name === undefined || !uuid.test(name.slice(0, 36)) ? undefined : routes[`${method} ${verb}`];
  if (found === undefined || name === undefined) throw new HomieError("NotFound", "there is nothing at this path");
  return found(host, call, name);
}

const routes: Readonly<Record<string, Route>> = {
  "POST offer": async (host, call, name) => {
    const { bytes, seal } = await readSealed(call, "offer");
    answer(call, await host.offer(call.node, name, bytes, seal));
  },
  "PUT inputs": async (host, call, name) => {
    await host.receiveInputs(call.node, name, call.incoming, call.signal);
    answer(call, {});
  },
  "PUT image": async (host, call, name) => {
    await host.receiveImage(call.node, name, call.incoming, call.signal);
    answer(call, {});
  },
  "POST begin": async (host, call, name) => {
    await readWhole(call.incoming, maxBodyBytes);
    await host.begin(call.node, name);
    answer(call, {});
  },
  "POST stop": async (host, call, name) => {
    const { reason, message } = await readJson(call);
    host.stop(call.node, name, stopWish(reason, message));
    answer(call, {});
  },
  "POST dismiss": async (host, call, name) => {
    await readWhole(call.incoming, maxBodyBytes);
    answer(call, { state: host.dismiss(call.node, name) });
  },
  "GET report": async (host, call, name) => {
    const version = call.url.searchParams.get("version") ?? undefined;
    const seenMs = wholeNumber(call.url, "seen");
    const known = { ...(version === undefined ? {} : { version }), ...(seenMs === undefined ? {} : { seenMs }) };
    answer(call, await host.report(call.node, name, known, call.signal));
  },
  "GET log": (host, call, name) =>
    stream(call, host.log(call.node, name, wholeNumber(call.url, "from") ?? 0, call.signal)),
  "GET outputs": (host, call, name) => {
    const from = { index: wholeNumber(call.url, "index") ?? 0, offset: wholeNumber(call.url, "offset") ?? 0 };
    return stream(call, host.outputs(call.node, name, from, call.signal));
  },
};

const stopReasons: readonly AttemptReason[] = ["Cancelled", "Deleted", "Superseded", "Suspended"];

function stopWish(reason: unknown, message: unknown): { reason: AttemptReason; message: string } {
  const found = stopReasons.find((each) => each === reason);
  if (found === undefined || typeof message !== "string")
    throw new HomieError("BadRequest", "a stop needs reason and message");
  return { reason: found, message: inertText(message.slice(0, 1_000)) };
}

function wholeNumber(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(value))
    throw new HomieError("BadRequest", `${name} is no whole number`);
  return value;
}

async function readJson(call: Call): Promise<Readonly<Record<string, unknown>>> {
  const text = (await readWhole(call.incoming, maxBodyBytes)).toString();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // said below, like everything else that is no object
  }
  throw new HomieError("BadRequest", "the body is no JSON object");
}

async function readSealed(call: Call, field: "claim" | "offer"): Promise<{ bytes: Buffer; seal: string }> {
  const body = await readJson(call);
  const { [field]: text, seal } = body;
  if (typeof text !== "string" || typeof seal !== "string")
    throw new HomieError("BadRequest", `${field} or seal is missing`);
  return { bytes: Buffer.from(text), seal };
}

function answer({ outgoing }: Call, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  outgoing.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}

async function stream({ outgoing, signal }: Call, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = bytes[Symbol.asyncIterator]();
  // The first step says whether there is anything to answer with.
  const first = await iterator.next();
  outgoing.writeHead(200, { "content-type": "application/octet-stream" });
  outgoing.flushHeaders();
  const all = async function* (): AsyncIterable<Uint8Array> {
    for (let step = first; step.done !== true; step = await iterator.next())
      if (step.value.length > 0) yield step.value;
  };
  await pipeline(Readable.from(all(), { objectMode: false }), outgoing, { signal });
}

const statuses: Partial<Record<HomieError["code"], number>> = {
  NotFound: 404,
  BadRequest: 400,
  TooLarge: 413,
  Forbidden: 403,
  // Another try may go well: the submitter comes again.
  StateUnusable: 503,
  EngineUnavailable: 503,
  PeerUnreachable: 503,
  Conflict: 503,
};

function refuse({ node, outgoing, incoming, signal }: Call, error: unknown, log: Logger): void {
  if (signal.aborted) return;
  const known = error instanceof HomieError;
  if (!known) log.error("a request of a peer failed", { node, path: incoming.url, error });
  if (outgoing.headersSent) return void outgoing.destroy();
  const message = known ? `${error.message}${error.hint === undefined ? "" : `; ${error.hint}`}` : "it failed there";
  const body = Buffer.from(JSON.stringify({ message }));
  const status = known ? (statuses[error.code] ?? 409) : 500;
  // What is left of the body is not read: the connection ends with the answer.
  outgoing.writeHead(status, {
    connection: "close",
    "content-type": "application/json",
    "content-length": body.length,
  });
  outgoing.end(body);
}
