import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";

/**
 * `node stream-program.ts take ADDRESS PORT` or `... give ADDRESS PORT`: one transfer over TCP, a block every 20 ms until stdin
 * ends. Each side then writes `BYTES SHA256`; one whose connection breaks fails.
 */
const [role = "", host = "", port = ""] = process.argv.slice(2);
const blockBytes = 32_768;
const hash = createHash("sha256");

function conclude(bytes: number): void {
  process.stdout.write(`${bytes} ${hash.digest("hex")}\n`);
  process.exit();
}

function take(): void {
  const server = createServer((caller) => {
    caller.on("data", (chunk) => hash.update(chunk));
    caller.once("end", () => caller.end(() => conclude(caller.bytesRead)));
  });
  server.listen(Number(port), host, () => process.stdout.write("ready\n"));
}

function give(): void {
  const call = connect({ host, port: Number(port) }, () => process.stdout.write("ready\n"));
  let blocks = 0;
  const timer = setInterval(() => {
    const block = Buffer.alloc(blockBytes, `${(blocks += 1)} `);
    hash.update(block);
    call.write(block);
  }, 20);
  process.stdin.resume().once("end", () => {
    clearInterval(timer);
    call.end();
  });
  // The other side has all of it.
  call.resume().once("end", () => conclude(call.bytesWritten));
}

if (role === "take") take();
else give();
