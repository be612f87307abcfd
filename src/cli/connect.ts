import { connect as openSocket } from "node:net";
import { HomieError } from "../resources/errors.ts";
import { notRunning, openSocketTransport } from "./socket-transport.ts";
import type { Terminal } from "./terminal.ts";
import type { Composition, Transport } from "./transport.ts";

/** Another command that works without a daemon holds the home only for moments. */
const lockPatienceMs = 5_000;
const lockPauseMs = 50;

/** True if something accepts connections at the socket; a stale socket file refuses at once. */
export async function isListening(socketPath: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const socket = openSocket(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES" || error.code === "EPERM") {
        reject(
          new HomieError("Forbidden", `may not use ${socketPath}`, {
            hint: "it belongs to another user",
            cause: error,
          }),
        );
      } else resolve(false);
    });
  });
}

/** For what only a daemon can do. */
export async function connectDaemon(socketPath: string): Promise<Transport> {
  if (await isListening(socketPath)) return openSocketTransport(socketPath);
  throw notRunning();
}

export interface AnyOptions {
  readonly home: string;
  readonly socketPath: string;
  readonly composition: () => Promise<Composition>;
  readonly terminal: Terminal;
}

/** The daemon if there is one, else the same API over the files of the home. */
export async function connectAny(options: AnyOptions): Promise<Transport> {
  const deadline = Date.now() + lockPatienceMs;
  for (;;) {
    if (await isListening(options.socketPath)) return openSocketTransport(options.socketPath);
    try {
      return await (await options.composition()).openOffline(options.home);
    } catch (error) {
      const isBusy = error instanceof HomieError && error.code === "AlreadyRunning";
      if (!isBusy || Date.now() > deadline) throw error;
      await options.terminal.sleep(lockPauseMs, options.terminal.interrupt);
    }
  }
}
