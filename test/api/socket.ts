import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { serveApi } from "../../src/api/serve.ts";
import type { ServeLimits } from "../../src/api/serve.ts";
import { openTestHome } from "./support.ts";
import type { TestHome } from "./support.ts";

export const silent = { debug() {}, info() {}, warn() {}, error() {} };

export function socketDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "homie-sock-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function serve(home: TestHome = openTestHome(), limits: Partial<ServeLimits> = {}) {
  const socketPath = join(socketDirectory(), "run", "homie.sock");
  const stop = new AbortController();
  const server = await serveApi({ api: home.api, socketPath, signal: stop.signal, log: silent, limits });
  onTestFinished(async () => await server.close());
  return { socketPath, stop, server, home };
}

export async function ask(
  socketPath: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
) {
  const response = await open(socketPath, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { code: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
}
export async function open(
  socketPath: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
) {
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest(
      {
        socketPath,
        path,
        method: options.method ?? "GET",
        agent: false,
        headers: { host: "homie", ...options.headers },
      },
      resolve,
    );
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}
/** Sends bytes as they are and gives back everything until the server ends the connection. */
export async function raw(socketPath: string, text: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("close", () => resolve(answer));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EPIPE" || error.code === "ECONNRESET" ? resolve(answer) : reject(error),
    );
    socket.write(text);
  });
}
export const statusOf = (answer: string): number => Number(answer.split(" ", 2)[1]);
