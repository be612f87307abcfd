import { rmSync } from "node:fs";
import { createServer, request, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export type Moment = "before" | "after";
export interface EngineCall {
  readonly method: string;
  /** Without the version, without the query: `/containers/homie-UID-1/start`. */
  readonly path: string;
}
export interface EngineSteps {
  readonly socket: string;
  /** Told before a call reaches the engine, and when the engine has answered; true: neither goes on. */
  watch: (call: EngineCall, moment: Moment) => boolean;
  close(): Promise<void>;
}

/** Stands between the daemon and the engine, and sees every call. */
export async function openSteps(target: string): Promise<EngineSteps> {
  const socket = `${target}.steps-${process.pid}`;
  const open = new Set<Duplex>();
  const steps: EngineSteps = {
    socket,
    watch: () => false,
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
  const server = createServer((message, answer) => {
    const call = callOf(message);
    const stop = (): void => void message.socket.destroy();
    if (steps.watch(call, "before")) return stop();
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
  });
  server.on("upgrade", (message: IncomingMessage, client: Duplex, head: Buffer) => {
    const call = callOf(message);
    if (steps.watch(call, "before")) return void client.destroy();
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
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return steps;
}

function callOf({ method = "", url = "" }: IncomingMessage): EngineCall {
  return { method, path: url.replace(/\?.*$/, "").replace(/^\/v[\d.]+\//, "/") };
}
