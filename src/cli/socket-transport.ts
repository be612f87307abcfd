import type { IncomingMessage } from "node:http";
import { HomieError } from "../resources/errors.ts";
import type { ApiRequest, ApiResponse, Transport } from "./transport.ts";

// Asked for, as an `import` would load undici (docs/architecture.md).
const { request } = process.getBuiltinModule("node:http");

/** Node would work out a name for TLS, which takes milliseconds the first time. */
const noTls = { servername: "" } as const;
/** A daemon that is stopped or stuck accepts the connection and then says nothing. */
const answerMs = 30_000;

export function openSocketTransport(socketPath: string): Transport {
  return {
    mode: "daemon",
    send: (wanted) => sendOverSocket(socketPath, wanted),
    close: async () => {},
  };
}

async function sendOverSocket(socketPath: string, wanted: ApiRequest): Promise<ApiResponse> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const body = wanted.body === undefined ? undefined : Buffer.from(wanted.body);
    const outgoing = request({
      socketPath,
      method: wanted.method,
      path: wanted.path,
      agent: false,
      ...noTls,
      headers: {
        host: "homie",
        ...(body === undefined ? {} : { "content-length": body.length }),
        ...wanted.headers,
      },
      ...(wanted.signal === undefined ? {} : { signal: wanted.signal }),
    });
    const timer = setTimeout(() => outgoing.destroy(silent()), answerMs);
    outgoing.on("response", (incoming) => {
      clearTimeout(timer);
      resolve(incoming);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(wanted.signal?.aborted === true ? error : translate(error, socketPath));
    });
    outgoing.end(body);
  });
  return { code: response.statusCode ?? 0, headers: singleHeaders(response), body: readBody(response, wanted.signal) };
}

async function* readBody(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new HomieError("DaemonUnavailable", "lost the connection to the daemon in the middle of an answer", {
      cause: error,
    });
  }
}

function singleHeaders(response: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}

function silent(): HomieError {
  return new HomieError("DaemonUnavailable", `got no answer from the daemon in ${answerMs / 1000} s`, {
    hint: "look at `homie doctor`; restart it with `homie down` and `homie up -d`",
  });
}

function translate(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error instanceof HomieError) return error;
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new HomieError("Forbidden", `may not use ${socketPath}`, {
      hint: "it belongs to another user; run homie as the one who started the daemon",
      cause: error,
    });
  }
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTSOCK") return notRunning(error);
  return new HomieError("DaemonUnavailable", `cannot talk to the daemon: ${error.message}`, { cause: error });
}

export function notRunning(cause?: unknown): HomieError {
  return new HomieError("DaemonUnavailable", "the homie daemon is not running", {
    hint: "start it with `homie up -d`",
    ...(cause === undefined ? {} : { cause }),
  });
}
