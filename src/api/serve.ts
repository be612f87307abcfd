import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import type { Logger } from "../reconciler/types.ts";
import { HomieError } from "../resources/errors.ts";
import { carry } from "./carry.ts";
import { isSuspiciousTarget, refuseForeign } from "./guard.ts";
import type { Api } from "./http.ts";
import { badRequest, renderStatus, StatusFailure, toFailure } from "./status-error.ts";

// Asked for, as an `import` would load undici (docs/architecture.md).
const { createServer } = process.getBuiltinModule("node:http");

export interface ServeOptions {
  readonly api: Api;
  readonly socketPath: string;
  /** Aborting closes the server as `close()` does. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly limits?: Partial<ServeLimits>;
}
export interface ServeLimits {
  /** Above it, requests are answered 503; a little further up, connections are dropped unheard. */
  readonly connections: number;
  readonly headersTimeoutMs: number;
  /** For receiving a request with its body; answers may take as long as they like. */
  readonly requestTimeoutMs: number;
}

const defaults: ServeLimits = { connections: 512, headersTimeoutMs: 10_000, requestTimeoutMs: 30_000 };
/** Room to say 503 to some of those who come too late. */
const spareConnections = 64;
const maxHeaders = 100;
/** Time for running answers to end, before their connections are cut. */
const closeGraceMs = 500;
/** `sun_path` of Linux; macOS has four bytes less. */
const maxSocketPathBytes = process.platform === "darwin" ? 103 : 107;

/** Serves the API on a unix socket that only its owner can open. Throws HomieError AlreadyRunning or StateUnusable. */
export async function serveApi({
  api,
  socketPath,
  signal,
  log,
  limits,
}: ServeOptions): Promise<{ close(): Promise<void> }> {
  const server = createHttpServer(api, { ...defaults, ...limits }, log);
  requireShortPath(socketPath);
  await removeStaleSocket(socketPath);
  await listen(server, socketPath);
  // Once listening, what is left are failed accepts (too many open files); the server itself goes on.
  server.on("error", (error) => log.error("the API cannot accept a connection", { error }));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeServer(server));
  signal.addEventListener("abort", () => void close(), { once: true });
  if (signal.aborted) await close();
  return { close };
}

function createHttpServer(api: Api, limits: ServeLimits, log: Logger): Server {
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    // Node counts this until the request is received, so watches and followed logs are not cut by it.
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(2_000, limits.headersTimeoutMs),
    // Longer than the 90 s for which Go's clients keep a connection, so that they never send into a closed one.
    keepAliveTimeout: 120_000,
    maxHeaderSize: 16 * 1024,
  };
  const sockets = new Set<Socket>();
  const server = createServer(options, (incoming, outgoing) => {
    const refusal = sockets.size > limits.connections ? busy() : refusalOf(incoming);
    if (refusal !== undefined) return refuse(outgoing, refusal);
    carry(api, incoming, outgoing).catch((error: unknown) => {
      log.error("an answer could not be sent", { method: incoming.method, error });
      outgoing.destroy();
    });
  });
  // Node silently leaves out headers beyond a count, an Origin too; here too many of them are an error instead.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.connections + spareConnections;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return server;
}

/** What has to be looked at before URL parsing and header joining make it look harmless. */
function refusalOf(incoming: IncomingMessage): StatusFailure | undefined {
  const names = incoming.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  if (names.length > maxHeaders)
    return new StatusFailure(431, "RequestHeaderFieldsTooLarge", `more than ${maxHeaders} headers`);
  if (names.filter((name) => name === "host").length !== 1) return badRequest("exactly one Host header is needed");
  try {
    refuseForeign(incoming.headers.host, { header: (name) => (names.includes(name) ? "present" : undefined) });
  } catch (error) {
    return toFailure(error);
  }
  if (isSuspiciousTarget(incoming.url ?? ""))
    return badRequest("the path has dot segments, empty segments or encoded slashes");
  return undefined;
}

function busy(): StatusFailure {
  const headers = { "retry-after": "1" };
  return new StatusFailure(503, "ServiceUnavailable", "too many connections", {
    headers,
    details: { retryAfterSeconds: 1 },
  });
}

function refuse(outgoing: ServerResponse, failure: StatusFailure): void {
  const body = JSON.stringify(renderStatus(failure));
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  outgoing.writeHead(failure.code, { ...headers, ...failure.headers }).end(body);
}

/** Before anything else is tried: with a longer path every call fails, and says no more than EINVAL. */
function requireShortPath(socketPath: string): void {
  if (Buffer.byteLength(socketPath) <= maxSocketPathBytes) return;
  const message = `cannot open the socket ${socketPath}: the system allows paths of ${maxSocketPathBytes} bytes`;
  throw new HomieError("StateUnusable", message, { hint: "set HOMIE_HOME to a shorter path" });
}

/** A socket file outlives a killed daemon; it may go only when nobody answers on it. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const answer = await tryConnect(socketPath);
  if (answer === "answered") {
    throw new HomieError("AlreadyRunning", `another daemon answers on ${socketPath}`, {
      hint: "stop it with `homie down`",
    });
  }
  if (answer !== "refused") return;
  // Connecting to an ordinary file is refused as well.
  if (!lstatSync(socketPath).isSocket())
    throw unusable(socketPath, { name: "Error", message: "there is a file that is no socket" });
  rmSync(socketPath, { force: true });
}

async function tryConnect(socketPath: string): Promise<"answered" | "refused" | "absent"> {
  return await new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.on("connect", () => {
      socket.destroy();
      resolve("answered");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve("absent");
      else if (error.code === "ECONNREFUSED") resolve("refused");
      else reject(unusable(socketPath, error));
    });
  });
}

async function listen(server: Server, socketPath: string): Promise<void> {
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(unusable(socketPath, error)));
    server.once("listening", resolve);
    // Binding happens inside listen(), so the file never exists with wider rights, not even for a moment.
    const umask = process.umask(0o177);
    try {
      server.listen(socketPath);
    } finally {
      process.umask(umask);
    }
  });
  server.removeAllListeners("error");
  chmodSync(socketPath, 0o600);
}

function unusable(socketPath: string, cause: NodeJS.ErrnoException): HomieError {
  const hint = "look at the directory's owner and rights, or set HOMIE_HOME to another place";
  return new HomieError("StateUnusable", `cannot open the socket ${socketPath}: ${cause.code ?? cause.message}`, {
    cause,
    hint,
  });
}

/** Ends the listening, lets short answers finish, and cuts what is left. Removes the socket file. */
async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
