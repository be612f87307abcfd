import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { Socket, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Logger } from "../../reconciler/types.ts";
import type { Certificate } from "../../trust/certificate.ts";
import {
  allKeys,
  checkProof,
  proveSecret,
  type Channel,
  type GroupKeys,
  type KeyRing,
} from "../../trust/group-secret.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import { plainAddress } from "./endpoint.ts";
import type { LinkPeer } from "./link.ts";
import {
  carrierPath,
  carrierUpgrade,
  channelOf,
  linkPath,
  linkUpgrade,
  proofHeader,
  provedIdentity,
  tlsOptions,
} from "./session.ts";
import { WaitingRoom, type WaitingRoomLimits } from "./waiting-room.ts";

export interface ListenOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly certificate: Certificate;
  /** Raw public key of this machine. */
  readonly identity: Uint8Array;
  readonly keys: KeyRing;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly limits?: WaitingRoomLimits;
  /** Admitted before, under the secret of today. */
  readonly isMember: (node: string) => boolean;
  /** Its key alone is proof enough, as statements say that it belongs to the network. Absent: every link needs the secret. */
  readonly isChartered?: (node: string) => boolean;
  /** Out for ever: its connections end at the handshake. */
  readonly isBarred?: (node: string) => boolean;
  /** False: the member is over its rate. */
  readonly allow: (node: string) => boolean;
  readonly onLink: (socket: Duplex, head: Uint8Array, peer: LinkPeer) => void;
  /** A member wants packets of its tunnel to travel in this connection. Absent: there is no tunnel. */
  readonly onCarrier?: (socket: Duplex, head: Uint8Array, node: string) => void;
  /** Somebody showed a proof made with another secret. */
  readonly onWrongSecret: (peer: Pick<LinkPeer, "node" | "remoteAddress">) => void;
  /** A request of a member; `node` is the key of its connection and nothing it says. Absent: there is nothing to ask for. */
  readonly onRequest?: (node: string, incoming: IncomingMessage, outgoing: ServerResponse) => void;
}

export interface PeerListener {
  readonly port: number;
  /** How many have not proved anything yet. */
  readonly waiting: () => number;
  /** Ends every connection of this machine, now. */
  drop(node: string): void;
  close(): Promise<void>;
}

interface Visitor {
  readonly raw: Socket;
  readonly identity: Buffer;
  readonly node: string;
}

/** Members, with what belongs to each, may hold this many connections together. */
const maxConnections = 1_024;

/** Listens for peers on every address. Whoever has no key, or another protocol than homie/1, never reaches any code of ours. */
export async function listenForPeers(options: ListenOptions): Promise<PeerListener> {
  const room = new WaitingRoom<Socket>(options.nowMs, options.limits);
  const visitors = new WeakMap<Duplex, Visitor>();
  const rawSockets = new Set<Socket>();
  const nodes = new WeakMap<Socket, string>();
  const server = createServer({
    ...tlsOptions(options.certificate),
    requestCert: true,
    handshakeTimeout: 5_000,
    headersTimeout: 5_000,
    // Files of members may take as long as they take; strangers are gone after the waiting room's time.
    requestTimeout: 0,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 30_000,
    maxHeaderSize: 16 * 1024,
  });
  server.maxConnections = maxConnections;
  server.on("connection", (raw) => {
    if (!(raw instanceof Socket)) return void raw.destroy();
    rawSockets.add(raw);
    room.enter(raw);
    raw.on("error", () => raw.destroy());
    raw.once("close", () => {
      rawSockets.delete(raw);
      room.leave(raw);
    });
  });
  const rawOf = new RawSockets(rawSockets);
  server.on("secureConnection", (socket) => {
    const raw = rawOf.find(socket);
    const identity = provedIdentity(socket);
    socket.on("error", () => socket.destroy());
    if (identity === undefined || raw === undefined) return void socket.destroy();
    const node = nodeIdOf(identity);
    if (options.isBarred?.(node) === true) return void socket.destroy();
    visitors.set(socket, { raw, identity, node });
    nodes.set(raw, node);
    socket.setNoDelay(true);
  });
  serve(server, { options, room, visitors });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Without a host Node takes IPv6 and IPv4 together, or IPv4 alone where there is nothing else.
    server.listen(options.port, () => resolve());
  });
  server.removeAllListeners("error");
  server.on("error", (error) => options.log.error("the peer port cannot accept a connection", { error }));
  return {
    port: (server.address() as AddressInfo).port,
    waiting: () => room.size,
    drop: (node) => {
      for (const raw of rawSockets) if (nodes.get(raw) === node) raw.destroy();
    },
    close: async () => {
      room.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const raw of rawSockets) raw.destroy();
      await closed;
    },
  };
}

interface Serving {
  readonly options: ListenOptions;
  readonly room: WaitingRoom<Socket>;
  readonly visitors: WeakMap<Duplex, Visitor>;
}

function serve(server: Server, { options, room, visitors }: Serving): void {
  server.on("tlsClientError", (_, socket) => socket.destroy());
  server.on("clientError", (_, socket) => socket.destroy());
  server.on("upgrade", (incoming, socket, head) => {
    const visitor = visitors.get(socket);
    if (visitor === undefined) return void socket.destroy();
    if (incoming.url === carrierPath)
      return takeCarrier({ incoming, socket: socket as TLSSocket, head, visitor }, options, room);
    admit({ incoming, socket: socket as TLSSocket, head, visitor }, options, () => room.leave(visitor.raw));
  });
  server.on("request", (incoming, outgoing) => {
    const visitor = visitors.get(incoming.socket);
    if (visitor === undefined || !options.isMember(visitor.node)) return answer(outgoing, 403);
    room.leave(visitor.raw);
    if (!options.allow(visitor.node)) return answer(outgoing, 429);
    if (options.onRequest === undefined) return answer(outgoing, 404);
    options.onRequest(visitor.node, incoming, outgoing);
  });
}

/** Node does not say which connection a TLS socket was made of; the port at the other end does. */
class RawSockets {
  readonly #sockets: ReadonlySet<Socket>;

  constructor(sockets: ReadonlySet<Socket>) {
    this.#sockets = sockets;
  }

  find({ remoteAddress, remotePort, localAddress }: TLSSocket): Socket | undefined {
    return [...this.#sockets].find(
      (raw) =>
        raw.remotePort === remotePort && raw.remoteAddress === remoteAddress && raw.localAddress === localAddress,
    );
  }
}

interface Opening {
  readonly incoming: IncomingMessage;
  readonly socket: TLSSocket;
  readonly head: Uint8Array;
  readonly visitor: Visitor;
}

function takeCarrier(
  { incoming, socket, head, visitor }: Opening,
  options: ListenOptions,
  room: WaitingRoom<Socket>,
): void {
  const { node, raw } = visitor;
  if (incoming.method !== "GET" || incoming.headers.upgrade !== carrierUpgrade)
    return refuse(socket, "400 Bad Request");
  if (!options.isMember(node)) return refuse(socket, "403 Forbidden");
  if (options.onCarrier === undefined) return refuse(socket, "404 Not Found");
  room.leave(raw);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${carrierUpgrade}\r\n\r\n`);
  options.onCarrier(socket, head, node);
}

/** The one thing a stranger can ask for: to prove the secret. */
function admit({ incoming, socket, head, visitor }: Opening, options: ListenOptions, admitted: () => void): void {
  const { identity, node } = visitor;
  if (incoming.method !== "GET" || incoming.url !== linkPath || incoming.headers.upgrade !== linkUpgrade)
    return refuse(socket, "400 Bad Request");
  const channel = channelOf(socket, { client: identity, server: options.identity });
  const proof = Buffer.from(String(incoming.headers[proofHeader] ?? ""), "base64");
  const remoteAddress = plainAddress(socket.remoteAddress ?? "");
  // The other end answers under the secret it was asked under: it may not know a newer one yet.
  const keys = provedUnder(options, { node, channel, proof });
  if (keys === undefined) {
    refuse(socket, "401 Unauthorized");
    if (proof.length > 0) options.onWrongSecret({ node, remoteAddress });
    return;
  }
  admitted();
  const own = proveSecret(keys, channel, "server").toString("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${linkUpgrade}\r\n${proofHeader}: ${own}\r\n\r\n`,
  );
  const remotePort = socket.remotePort ?? 0;
  const localAddress = plainAddress(socket.localAddress ?? "");
  options.onLink(socket, head, { node, identity, remoteAddress, remotePort, localAddress });
}

/** The keys to answer under; undefined for a stranger. */
function provedUnder(
  { keys, isChartered }: ListenOptions,
  { node, channel, proof }: { readonly node: string; readonly channel: Channel; readonly proof: Uint8Array },
): GroupKeys | undefined {
  const known = allKeys(keys).find((each) => checkProof(each, channel, "client", proof));
  return known ?? (isChartered?.(node) === true ? keys : undefined);
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function answer(outgoing: ServerResponse, status: number): void {
  outgoing.writeHead(status, { connection: "close", "content-length": "0" }).end();
}
