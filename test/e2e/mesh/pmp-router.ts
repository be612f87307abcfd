import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";

/**
 * The part of a home's router that speaks NAT-PMP (RFC 6886), with real rules: `node pmp-router.ts ADDRESS`, its public address.
 * It writes a line for each mapping.
 */
const publicAddress = process.argv[2] ?? "";
const socket = createSocket("udp4");

function head(operation: number): Buffer {
  const answer = Buffer.alloc(8);
  answer.writeUInt8(128 + operation, 1);
  answer.writeUInt32BE(Math.floor(process.uptime()), 4);
  return answer;
}

function nft(rules: string): void {
  execFileSync("/usr/sbin/nft", ["-f", "-"], { input: rules });
}

function map(host: string, port: number, lifetime: number): void {
  nft("table ip pmp\ndelete table ip pmp\n");
  if (lifetime === 0) return;
  const rule = `iifname "wan" udp dport ${port} dnat to ${host}:${port}`;
  nft(`table ip pmp {\nchain in {\ntype nat hook prerouting priority -110\n${rule}\n}\n}\n`);
}

socket.on("message", (message, { address, port: from }) => {
  const operation = message.readUInt8(1);
  if (operation === 0) {
    socket.send(Buffer.concat([head(0), Buffer.from(publicAddress.split(".").map(Number))]), from, address);
    return;
  }
  const [internal, lifetime] = [message.readUInt16BE(4), message.readUInt32BE(8)];
  map(address, internal, lifetime);
  const answer = Buffer.alloc(8);
  answer.writeUInt16BE(internal, 0);
  answer.writeUInt16BE(lifetime === 0 ? 0 : internal, 2);
  answer.writeUInt32BE(lifetime, 4);
  socket.send(Buffer.concat([head(operation), answer]), from, address);
  process.stdout.write(lifetime === 0 ? `gone ${internal}\n` : `mapped ${internal} to ${address}\n`);
});
socket.bind(5351, () => process.stdout.write("ready\n"));
