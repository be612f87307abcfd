import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { dial, type DialOutcome } from "../../../src/adapters/tls/dial.ts";
import type { LinkPeer } from "../../../src/adapters/tls/link.ts";
import { listenForPeers, type ListenOptions, type PeerListener } from "../../../src/adapters/tls/listen.ts";
import { createCertificate, type Certificate } from "../../../src/trust/certificate.ts";
import { deriveGroupKeys, type GroupKeys } from "../../../src/trust/group-secret.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../../src/trust/identity.ts";

export interface Machine {
  readonly certificate: Certificate;
  readonly identity: Buffer;
  readonly node: string;
  readonly keys: GroupKeys;
  readonly identityKey: string;
}

export function createMachine(secret = "correct horse"): Machine {
  const { identityKey } = generateIdentity();
  const identity = publicKeyOf(identityKey, "ed25519");
  const certificate = createCertificate(identityKey);
  return { certificate, identity, node: nodeIdOf(identity), keys: deriveGroupKeys(secret), identityKey };
}

export interface Door extends AsyncDisposable {
  readonly listener: PeerListener;
  readonly links: LinkPeer[];
  readonly sockets: Duplex[];
  readonly wrongSecrets: string[];
}

export async function openDoor(machine: Machine, options: Partial<ListenOptions> = {}): Promise<Door> {
  const links: LinkPeer[] = [];
  const sockets: Duplex[] = [];
  const wrongSecrets: string[] = [];
  const quiet = (): void => {};
  const listener = await listenForPeers({
    ...machine,
    port: 0,
    nowMs: () => performance.now(),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    isMember: () => false,
    allow: () => true,
    onLink: (socket, _, peer) => {
      links.push(peer);
      sockets.push(socket);
    },
    onWrongSecret: ({ node }) => void wrongSecrets.push(node),
    ...options,
  });
  return { listener, links, sockets, wrongSecrets, [Symbol.asyncDispose]: () => listener.close() };
}

export async function dialDoor(machine: Machine, door: Door, expected?: string): Promise<DialOutcome> {
  const signal = new AbortController().signal;
  const outcome = await dial({ host: "127.0.0.1", port: door.listener.port }, expected, { ...machine, signal });
  return outcome;
}

/** A bare TLS client; resolves with everything it was sent until the end. */
export async function talk(port: number, options: ConnectionOptions, text: string): Promise<string> {
  return await new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket: TLSSocket = connect({
      ...{ host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["homie/1"] },
      ...options,
    });
    socket.on("secureConnect", () => socket.write(text));
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => received.push(Buffer.from(`error ${error.code}`)));
    socket.on("close", () => resolve(Buffer.concat(received).toString()));
  });
}
