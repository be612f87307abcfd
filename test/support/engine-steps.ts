import { rmSync } from "node:fs";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

export type Moment = "before" | "after";
export interface EngineCall {
  readonly method: string;
  /** Without the version, without the query: `/containers/homie-UID-1/start`. */
  readonly path: string;
}
/** What a daemon asks of the engine on the way of a Job, in order. */
export const stepsOfJob: readonly { readonly what: string; readonly method: string; readonly path: RegExp }[] = [
  { what: "making the volume and container", method: "POST", path: /^\/containers\/create$/ },
  { what: "sending the files", method: "PUT", path: /^\/containers\/[^/]+\/archive$/ },
  { what: "attaching to the output", method: "POST", path: /^\/containers\/[^/]+\/attach$/ },
  { what: "starting", method: "POST", path: /^\/containers\/[^/]+\/start$/ },
  { what: "collecting the outputs", method: "GET", path: /^\/containers\/[^/]+\/archive$/ },
  { what: "removing the container", method: "DELETE", path: /^\/containers\/[^/]+$/ },
  { what: "removing the volume", method: "DELETE", path: /^\/volumes\/[^/]+$/ },
];

export interface EngineSteps {
  readonly socket: string;
  /** Told before a call reaches the engine, and when the engine has answered; true: neither goes on. */
  watch: (call: EngineCall, moment: Moment) => boolean;
  /** What a call waits for before it goes to the engine; one that is given up meanwhile never does. */
  hold: (call: EngineCall) => Promise<void> | undefined;
  close(): Promise<void>;
}

/** Stands between the daemon and the engine, and sees every call. */
export async function openSteps(target: string): Promise<EngineSteps> {
  const socket = `${target}.steps-${process.pid}`;
  const open = new Set<Duplex>();
  const steps: EngineSteps = {
    socket,
    watch: () => false,
    hold: () => undefined,
    close: async () => {
      for (const each of open) each.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(socket, { force: true });
    },
  };
  const forward = (message: IncomingMessage): ReturnType<typeof request> => {
    const { method, url, headers } = message;
    return request({ socketPath: target, method, path: url, headers });
  };
  const mayGo = async (call: EngineCall, client: Duplex): Promise<boolean> => {
    if (steps.watch(call, "before")) client.destroy();
    else await steps.hold(call);
    return !client.destroyed;
  };
  const passOn = async (message: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const call = callOf(message);
    const stop = (): void => void message.socket.destroy();
    if (!(await mayGo(call, message.socket))) return;
    const asked = forward(message);
    asked.on("error", stop);
    answer.on("close", () => asked.destroy());
    asked.on("response", (reply) => {
      if (steps.watch(call, "after")) return stop();
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      answer.flushHeaders();
      reply.on("error", stop).pipe(answer);
    });
    message.pipe(asked);
  };
  const upgrade = async (message: IncomingMessage, client: Duplex, head: Buffer): Promise<void> => {
    const call = callOf(message);
    if (!(await mayGo(call, client))) return;
    const asked = forward(message);
    asked.on("error", () => client.destroy());
    asked.on("upgrade", (reply, engine, first) => {
      if (steps.watch(call, "after")) return void client.destroy();
      open.add(client);
      client.once("close", () => open.delete(client));
      const lines = Object.entries(reply.headers).map(([name, value]) => `${name}: ${String(value)}`);
      client.write(`HTTP/1.1 101 UPGRADED\r\n${lines.join("\r\n")}\r\n\r\n`);
      client.write(first);
      engine.write(head);
      client.on("error", () => engine.destroy()).pipe(engine);
      engine.on("error", () => client.destroy()).pipe(client);
    });
    asked.end();
  };
  const server = createServer((message, answer) => void passOn(message, answer));
  server.on("upgrade", (message: IncomingMessage, client: Duplex, head: Buffer) => void upgrade(message, client, head));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return steps;
}

function callOf({ method = "", url = "" }: IncomingMessage): EngineCall {
  return { method, path: url.replace(/\?.*$/, "").replace(/^\/v[\d.]+\//, "/") };
}
