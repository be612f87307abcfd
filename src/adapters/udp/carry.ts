import { createSocket } from "node:dgram";
import type { Duplex } from "node:stream";

export interface CarryOptions {
  readonly socket: Duplex;
  readonly head: Uint8Array;
  /** Of WireGuard, on this machine. */
  readonly wireguardPort: number;
  /** Nothing for so long: the other end is gone. */
  readonly idleMs: number;
  readonly onClose: () => void;
}

export interface Carrying {
  /** IP:PORT, where WireGuard on this machine finds the other end. */
  readonly endpoint: string;
  close(): void;
}

/** Packets of a tunnel are smaller; whoever sends longer ones does not speak this. */
const maxDatagramBytes = 2_048;
/** More than this waiting to be sent: what comes then is dropped, as a full queue of a router does. */
const maxQueuedBytes = 256 * 1024;
const loopback = "127.0.0.1";

/**
 * Passes datagrams between WireGuard on this machine and a stream: each as length u16 and bytes. What does not fit is dropped;
 * WireGuard itself knows what to do about it. Nothing is read into them: they prove themselves to WireGuard.
 */
export async function carry({ socket, head, wireguardPort, idleMs, onClose }: CarryOptions): Promise<Carrying> {
  const udp = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    udp.once("error", reject);
    udp.bind({ address: loopback, port: 0, exclusive: true }, () => resolve());
  });
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    udp.close();
    socket.destroy();
    onClose();
  };
  const timer = setTimeout(close, idleMs).unref();
  udp.removeAllListeners("error");
  udp.on("error", close);
  udp.on("message", (datagram, { address, port }) => {
    if (address !== loopback || port !== wireguardPort || datagram.length > maxDatagramBytes) return;
    if (socket.writableLength > maxQueuedBytes) return;
    const size = Buffer.alloc(2);
    size.writeUInt16BE(datagram.length);
    socket.write(Buffer.concat([size, datagram]));
  });
  const reader = new DatagramReader();
  const take = (chunk: Uint8Array): void => {
    timer.refresh();
    const datagrams = reader.push(chunk);
    if (datagrams === "broken") return close();
    for (const datagram of datagrams) if (isOpen) udp.send(datagram, wireguardPort, loopback);
  };
  socket.on("error", close);
  socket.on("close", close);
  socket.on("end", close);
  if (head.length > 0) take(head);
  socket.on("data", take);
  return { endpoint: `${loopback}:${udp.address().port}`, close };
}

/** Cuts a stream into datagrams. Answers "broken" for one that is none, and from then on. */
export class DatagramReader {
  #rest: Buffer = Buffer.alloc(0);
  #broken = false;

  push(chunk: Uint8Array): readonly Buffer[] | "broken" {
    if (this.#broken) return "broken";
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const datagrams: Buffer[] = [];
    while (this.#rest.length >= 2) {
      const size = this.#rest.readUInt16BE(0);
      if (size === 0 || size > maxDatagramBytes) {
        this.#broken = true;
        return "broken";
      }
      if (this.#rest.length < 2 + size) break;
      datagrams.push(this.#rest.subarray(2, 2 + size));
      this.#rest = this.#rest.subarray(2 + size);
    }
    return datagrams;
  }
}
