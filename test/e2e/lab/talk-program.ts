import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

/** `node talk-program.ts PORT`: a machine's mouth and ears, on UDP and TCP. Requests are lines of JSON, so is what comes. */
type Request =
  | { readonly say: string; readonly to: string; readonly port: number }
  | { readonly connect: string; readonly port: number; readonly bytes: number };

const port = Number(process.argv[2]);
const tell = (event: Readonly<Record<string, unknown>>): boolean => process.stdout.write(`${JSON.stringify(event)}\n`);

const socket = createSocket("udp4");
socket.on("message", (bytes, from) => tell({ heard: bytes.toString(), from: from.address, port: from.port }));
const server = createServer({ allowHalfOpen: true }, (caller) => {
  caller.on("error", () => undefined).resume();
  caller.once("end", () => caller.end(`${caller.bytesRead} bytes from ${caller.remoteAddress ?? ""}`));
});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const request = JSON.parse(line) as Request;
    if ("say" in request) {
      socket.send(request.say, request.port, request.to, (error) => tell({ said: error?.message ?? true }));
      return;
    }
    const call = connect({ host: request.connect, port: request.port });
    call.end(Buffer.alloc(request.bytes, "x"));
    call.on("data", (answer) => tell({ connected: answer.toString() }));
    call.on("error", (error) => tell({ connected: error.message }));
  })
  .on("close", () => process.exit());
socket.bind(port, () => server.listen(port, "0.0.0.0", () => tell({ ready: true })));
