import { isIP } from "node:net";
import type { IncomingMessage } from "node:http";
import { connect, type TLSSocket } from "node:tls";
import type { Certificate } from "../../trust/certificate.ts";
import { allKeys, checkProof, proveSecret, type KeyRing } from "../../trust/group-secret.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import { formatEndpoint, plainAddress, type Endpoint } from "./endpoint.ts";
import type { LinkPeer } from "./link.ts";
import { admissionMs, channelOf, linkPath, linkUpgrade, proofHeader, provedIdentity, tlsOptions } from "./session.ts";

// Asked for, as an `import` would load undici (docs/architecture.md).
const { request } = process.getBuiltinModule("node:http");

export interface DialOptions {
  readonly certificate: Certificate;
  /** Raw public key of this machine. */
  readonly identity: Uint8Array;
  readonly keys: KeyRing;
  /** Its key alone is proof enough, as statements say that it belongs to the network. Absent: every link needs the secret. */
  readonly isChartered?: (node: string) => boolean;
  readonly signal: AbortSignal;
}

export type DialFailure =
  | "Unreachable"
  /** The other end has another key than the one that was expected there. */
  | "OtherIdentity"
  | "SecretDiffers"
  /** Something answers, but it is no homie, or it does not want this link now. */
  | "Refused";

export type DialOutcome =
  | { readonly ok: true; readonly socket: TLSSocket; readonly head: Uint8Array; readonly peer: LinkPeer }
  | { readonly ok: false; readonly failure: DialFailure; readonly message: string; readonly node?: string };

/** Opens a connection and proves the secret on it. `expected` is the node id that must be there; undefined: any. */
export async function dial(
  endpoint: Endpoint,
  expected: string | undefined,
  options: DialOptions,
): Promise<DialOutcome> {
  const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(admissionMs)]);
  let socket: TLSSocket;
  try {
    socket = await connectTls(endpoint, options.certificate, deadline);
  } catch (error) {
    return failed("Unreachable", `${formatEndpoint(endpoint)}: ${describe(error, deadline)}`);
  }
  const identity = provedIdentity(socket);
  if (identity === undefined) {
    socket.destroy();
    return failed("Refused", `${formatEndpoint(endpoint)}: what answers there is no homie`);
  }
  const node = nodeIdOf(identity);
  if (expected !== undefined && node !== expected) {
    // Before a single byte of ours: whoever sits at a stolen address learns nothing.
    socket.destroy();
    return { ...failed("OtherIdentity", `${formatEndpoint(endpoint)} has another key: ${node}`), node };
  }
  try {
    return await openLink(socket, { identity, node, endpoint }, options, deadline);
  } catch (error) {
    socket.destroy();
    return { ...failed("Unreachable", `${formatEndpoint(endpoint)}: ${describe(error, deadline)}`), node };
  }
}

export async function connectTls(
  { host, port }: Endpoint,
  certificate: Certificate,
  deadline: AbortSignal,
): Promise<TLSSocket> {
  const server = isIP(host) === 0 ? { servername: "homie" } : {};
  const socket = connect({ host, port, ...server, ...tlsOptions(certificate), checkServerIdentity: () => undefined });
  const abort = (): void => void socket.destroy(new Error("no answer in time"));
  deadline.addEventListener("abort", abort, { once: true });
  try {
    if (deadline.aborted) abort();
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed")));
    });
    socket.setNoDelay(true);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.removeEventListener("abort", abort);
  }
}

interface OtherEnd {
  readonly identity: Buffer;
  readonly node: string;
  readonly endpoint: Endpoint;
}

/** A TLS 1.3 client is connected before the server has judged it: only the answer to the proof is success. */
async function openLink(
  socket: TLSSocket,
  other: OtherEnd,
  options: DialOptions,
  signal: AbortSignal,
): Promise<DialOutcome> {
  const channel = channelOf(socket, { client: options.identity, server: other.identity });
  const proof = proveSecret(options.keys, channel, "client").toString("base64");
  const answer = await new Promise<{ response: IncomingMessage; head: Uint8Array; upgraded: boolean }>(
    (resolve, reject) => {
      const asking = request({
        createConnection: () => socket,
        path: linkPath,
        signal,
        maxHeaderSize: 8 * 1024,
        headers: { host: "homie", connection: "Upgrade", upgrade: linkUpgrade, [proofHeader]: proof },
      });
      asking.on("upgrade", (response, _, head) => resolve({ response, head, upgraded: true }));
      asking.on("response", (response) => resolve({ response, head: Buffer.alloc(0), upgraded: false }));
      asking.on("error", reject);
      asking.end();
    },
  );
  const { response, head, upgraded } = answer;
  const at = formatEndpoint(other.endpoint);
  if (!upgraded) {
    response.destroy();
    socket.destroy();
    const isSecret = response.statusCode === 401;
    return {
      ...failed(
        isSecret ? "SecretDiffers" : "Refused",
        isSecret ? secretDiffers(at) : `${at}: the peer answered ${response.statusCode}`,
      ),
      node: other.node,
    };
  }
  const theirs = Buffer.from(String(response.headers[proofHeader] ?? ""), "base64");
  const isProved = allKeys(options.keys).some((each) => checkProof(each, channel, "server", theirs));
  if (!isProved && options.isChartered?.(other.node) !== true) {
    socket.destroy();
    return { ...failed("SecretDiffers", secretDiffers(at)), node: other.node };
  }
  const peer = {
    node: other.node,
    identity: other.identity,
    remoteAddress: plainAddress(socket.remoteAddress ?? other.endpoint.host),
    remotePort: other.endpoint.port,
    localAddress: plainAddress(socket.localAddress ?? ""),
  };
  return { ok: true, socket, head, peer };
}

export function secretDiffers(who: string): string {
  return `Job authentication failed: the group secret differs (${who})`;
}

function failed(failure: DialFailure, message: string): { ok: false; failure: DialFailure; message: string } {
  return { ok: false, failure, message };
}

function describe(error: unknown, deadline: AbortSignal): string {
  if (deadline.aborted) return "no answer in time";
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
