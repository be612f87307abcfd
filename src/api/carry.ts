import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, Api, ByteStream, Call } from "./http.ts";

/** How much of a body that nobody wanted is still taken, and for how long, so that its sender gets to reading the answer. */
const maxDrainedBytes = 16 * 1024 * 1024;
const maxDrainMs = 500;

/** Has the API answer one request of Node's server. Rejects where there is no saying it to the other side any more. */
export async function carry(api: Api, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const answer = await api.answer(callOf(incoming, outgoing));
  // A body that came along with the head may just not have been parsed yet.
  if (isUnread(incoming)) await new Promise((resolve) => setImmediate(resolve));
  if (outgoing.destroyed) return await abandon(answer);
  const isLeft = isUnread(incoming);
  const headers = { ...answer.headers, ...(isLeft ? { connection: "close" } : {}) };
  if (typeof answer.body === "string") {
    outgoing.writeHead(answer.code, { ...headers, "content-length": Buffer.byteLength(answer.body) });
    if (!isLeft) return void outgoing.end(answer.body);
    outgoing.write(answer.body);
    await drain(incoming);
    if (!outgoing.destroyed) outgoing.end();
    return;
  }
  outgoing.writeHead(answer.code, headers);
  outgoing.flushHeaders();
  await pump(answer.body, outgoing);
}

function callOf(incoming: IncomingMessage, outgoing: ServerResponse): Call {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  return {
    method: incoming.method ?? "",
    target: incoming.url ?? "",
    signal: gone.signal,
    // Left early, an iterator would take the connection along, and the answer with it.
    ...(hasBody(incoming) ? { body: incoming.iterator({ destroyOnReturn: false }) } : {}),
    header(name) {
      const value = Object.hasOwn(incoming.headers, name) ? incoming.headers[name] : undefined;
      return Array.isArray(value) ? value.join(", ") : value;
    },
    cut: () => void outgoing.destroy(),
  };
}

function isUnread(incoming: IncomingMessage): boolean {
  return hasBody(incoming) && !incoming.complete;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Writes as fast as the other side reads, and lets go of the body in the moment the other side is gone. */
async function pump(body: ByteStream, outgoing: ServerResponse): Promise<void> {
  const leave = (): void => void body.return?.();
  outgoing.once("close", leave);
  try {
    for await (const chunk of body) {
      if (outgoing.destroyed) return;
      if (!outgoing.write(chunk)) await writable(outgoing);
    }
    outgoing.end();
  } catch {
    // Whoever made the body has said why; here it must only not look complete.
    outgoing.destroy();
  }
}

async function writable(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed || !outgoing.writableNeedDrain) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
  });
}

/** A client that is still sending does not read. */
async function drain(incoming: IncomingMessage): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, maxDrainMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    let left = maxDrainedBytes;
    incoming.on("data", (chunk: Buffer) => {
      left -= chunk.byteLength;
      if (left < 0) done();
    });
    incoming.once("close", done);
  });
}

async function abandon({ body }: Answer): Promise<void> {
  if (typeof body !== "string") await body.return?.();
}
