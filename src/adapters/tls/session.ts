import { constants } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { rawPublicKey, type Certificate } from "../../trust/certificate.ts";
import { channelBytes, channelLabel, type Channel } from "../../trust/group-secret.ts";

export const protocol = "homie/1";
export const linkPath = "/homie/v1/link";
export const linkUpgrade = "homie-link/1";
export const carrierPath = "/homie/v1/carrier";
export const carrierUpgrade = "homie-carrier/1";
export const proofHeader = "homie-proof";
/** From the first byte to an admitted link, on either side. */
export const admissionMs = 5_000;

/** What both ends of every connection insist on. Who the other is, is decided after the handshake by its key. */
export function tlsOptions(certificate: Certificate): {
  readonly key: string;
  readonly cert: string;
  readonly minVersion: "TLSv1.3";
  readonly maxVersion: "TLSv1.3";
  readonly ALPNProtocols: string[];
  readonly rejectUnauthorized: false;
  readonly secureOptions: number;
} {
  return {
    ...certificate,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ALPNProtocols: [protocol],
    // There is no authority to ask: the handshake proves that the other end has the key of its certificate, and only
    // that key counts.
    rejectUnauthorized: false,
    // A resumed session would skip the proof of the key.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/** Raw Ed25519 key the other end has proved to have; undefined when it showed none, or spoke another protocol. */
export function provedIdentity(socket: TLSSocket): Buffer | undefined {
  if (socket.alpnProtocol !== protocol || socket.isSessionReused()) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : rawPublicKey(certificate.publicKey);
}

export function channelOf(
  socket: TLSSocket,
  ends: { readonly client: Uint8Array; readonly server: Uint8Array },
): Channel {
  // In TLS 1.3 an absent context and an empty one are the same (RFC 8446, 7.5).
  return { exporter: socket.exportKeyingMaterial(channelBytes, channelLabel, Buffer.alloc(0)), ...ends };
}
