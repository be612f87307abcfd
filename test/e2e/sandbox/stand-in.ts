import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/**
 * `node stand-in.ts ADDRESS`: a machine that a Job tries to reach. Says "here" on TCP 8080, and answers every question for a name
 * on UDP 53 with ADDRESS. Runs until it is ended.
 */
const address = (process.argv[2] ?? "").split(".").map(Number);

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.end("here\n");
}).listen(8080, "0.0.0.0");

const names = createSocket("udp4");
names.on("message", (question, { port, address: from }) => {
  const isForAddress = question.at(-3) === 1;
  // RFC 1035, 4.1.1: an answer without error; the question again; a pointer to its name, type A, class IN, 60 s, 4 bytes.
  const head = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isForAddress ? 1 : 0, 0, 0, 0, 0]);
  const answer = isForAddress ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address]) : Buffer.alloc(0);
  names.send(Buffer.concat([head, question.subarray(12), answer]), port, from);
});
names.bind(53, "0.0.0.0", () => process.stdout.write("ready\n"));
