import { randomBytes } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { Logger } from "../../reconciler/types.ts";
import { openBeacon, sealBeacon, type Beacon } from "../../trust/beacon.ts";
import { allKeys, type KeyRing } from "../../trust/group-secret.ts";
import { publicKeyOf } from "../../trust/identity.ts";
import { broadcastAddresses, ownAddresses } from "./interfaces.ts";

export interface BeaconSocketOptions {
  readonly port: number;
  readonly keys: KeyRing;
  /** Of this machine; PKCS #8 DER, base64. */
  readonly identityKey: string;
  readonly log: Logger;
  /** A member of the crew says that it is at `address`: worth a dial, never more. */
  readonly onBeacon: (beacon: Beacon, address: string) => void;
}

export interface BeaconSocket {
  /** Best effort: what an interface refuses is tried again with the next one. */
  send(beacon: Omit<Beacon, "identity">): void;
  /** Datagrams that were no beacon of this crew. */
  readonly dropped: () => number;
  close(): Promise<void>;
}

/** How many machines' newest numbers are remembered. */
const maxKnown = 1_024;
const receiveBufferBytes = 1024 * 1024;

/** Throws the system's error when the port cannot be had. */
export async function openBeaconSocket(options: BeaconSocketOptions): Promise<BeaconSocket> {
  // Shared, so that several homes of one machine hear the same broadcasts.
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  const window = new ReplayWindow();
  const own = publicKeyOf(options.identityKey, "ed25519");
  let dropped = 0;
  socket.on("message", (datagram: Buffer, from: RemoteInfo) => {
    const beacon = openAny(options.keys, datagram);
    if (beacon === undefined) dropped += 1;
    else if (!own.equals(beacon.identity) && window.isNew(beacon)) options.onBeacon(beacon, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(options.port, () => resolve());
  });
  socket.removeAllListeners("error");
  socket.on("error", (error) => options.log.warn("the beacon port failed", { error: error.message }));
  socket.setBroadcast(true);
  growBuffer(socket, options.log);
  return {
    send: (beacon) => {
      for (const address of broadcastAddresses(ownAddresses())) {
        const datagram = sealBeacon(options.keys.beacon, beacon, options.identityKey, randomBytes(12));
        socket.send(datagram, options.port, address, (error) => {
          if (error !== null) options.log.debug("a beacon could not be sent", { address, error: error.message });
        });
      }
    },
    dropped: () => dropped,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Somebody who was away while the secret changed is found all the same. */
function openAny(keys: KeyRing, datagram: Uint8Array): Beacon | undefined {
  for (const { beacon } of allKeys(keys)) {
    const opened = openBeacon(beacon, datagram);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

/** A flood must not push good beacons out of the queue. */
function growBuffer(socket: Socket, log: Logger): void {
  try {
    socket.setRecvBufferSize(receiveBufferBytes);
  } catch (error) {
    log.debug("the receive buffer of the beacon port stays as it is", { error: String(error) });
  }
}

/** A beacon counts once: (boot, seq) of a machine only goes up. */
class ReplayWindow {
  readonly #newest = new Map<string, Pick<Beacon, "boot" | "seq">>();

  isNew({ identity, boot, seq }: Beacon): boolean {
    const key = Buffer.from(identity).toString("base64");
    const known = this.#newest.get(key);
    if (known !== undefined && (boot < known.boot || (boot === known.boot && seq <= known.seq))) return false;
    this.#newest.delete(key);
    this.#newest.set(key, { boot, seq });
    if (this.#newest.size > maxKnown) {
      const [oldest] = this.#newest.keys();
      if (oldest !== undefined) this.#newest.delete(oldest);
    }
    return true;
  }
}
