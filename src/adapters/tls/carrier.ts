import type { Duplex } from "node:stream";
import type { Certificate } from "../../trust/certificate.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import { connectTls } from "./dial.ts";
import { formatEndpoint, type Endpoint } from "./endpoint.ts";
import { admissionMs, carrierPath, carrierUpgrade, provedIdentity } from "./session.ts";

// Asked for, as an `import` would load undici (docs/architecture.md).
const { request } = process.getBuiltinModule("node:http");

export interface CarrierOptions {
  readonly certificate: Certificate;
  readonly signal: AbortSignal;
}

/** A connection that carries the tunnel's packets where UDP does not get through. */
export interface Carrier {
  readonly socket: Duplex;
  /** What came with the answer already. */
  readonly head: Uint8Array;
}

/** Asks the member `node` to take packets of the tunnel in this connection. Throws when it is not there, or does not want to. */
export async function openCarrier(endpoint: Endpoint, node: string, options: CarrierOptions): Promise<Carrier> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(admissionMs)]);
  const socket = await connectTls(endpoint, options.certificate, signal);
  try {
    const identity = provedIdentity(socket);
    // Before a single byte of ours: whoever sits at a stolen address learns nothing.
    if (identity === undefined || nodeIdOf(identity) !== node) throw new Error("another machine answers there");
    const head = await new Promise<Uint8Array>((resolve, reject) => {
      const asking = request({
        createConnection: () => socket,
        path: carrierPath,
        signal,
        maxHeaderSize: 8 * 1024,
        headers: { host: "homie", connection: "Upgrade", upgrade: carrierUpgrade },
      });
      asking.on("upgrade", (_response, _socket, bytes) => resolve(bytes));
      asking.on("response", ({ statusCode }) =>
        reject(new Error(`${formatEndpoint(endpoint)} answered ${String(statusCode)}`)),
      );
      asking.on("error", reject);
      asking.end();
    });
    return { socket, head };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
