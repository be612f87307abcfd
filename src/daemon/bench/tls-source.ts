import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";

/** A thread that sends so many bytes over TLS to whoever connects, as bare as it can be done; posts its port. */
export interface TlsSourceWish {
  readonly options: { readonly key: string; readonly cert: string };
  readonly totalBytes: number;
}

const { options, totalBytes } = workerData as TlsSourceWish;
/** As large as homie's own pieces of an output. */
const piece = Buffer.alloc(256 * 1024, "x");

const server = createServer(options, (socket) => void send(socket));
server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as AddressInfo).port));

async function send(socket: TLSSocket): Promise<void> {
  socket.on("error", () => socket.destroy());
  for (let sent = 0; sent < totalBytes && !socket.destroyed; sent += piece.length)
    if (!socket.write(piece)) await once(socket, "drain");
  socket.end();
}
