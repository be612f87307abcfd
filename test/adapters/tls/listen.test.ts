import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { createMachine, dialDoor, openDoor, talk } from "./tls-fixture.ts";

const alice = createMachine();
const bob = createMachine();
const mallory = createMachine("another secret");

test("two machines with one secret get a link, and each knows the other's key", async () => {
  await using door = await openDoor(alice);
  const outcome = await dialDoor(bob, door, alice.node);
  expect(outcome).toMatchObject({ ok: true, peer: { node: alice.node } });
  expect(door.links.map(({ node }) => node)).toEqual([bob.node]);
  if (outcome.ok) outcome.socket.destroy();
});

test("another secret is refused, and both sides know that this is why", async () => {
  await using door = await openDoor(alice);
  const outcome = await dialDoor(mallory, door);
  expect(outcome).toMatchObject({ ok: false, failure: "SecretDiffers", node: alice.node });
  expect(outcome).toHaveProperty(
    "message",
    expect.stringContaining("Job authentication failed: the group secret differs"),
  );
  expect(door.wrongSecrets).toEqual([mallory.node]);
  expect(door.links).toEqual([]);
});

test("a client that meets another key than the expected one says nothing at all", async () => {
  await using door = await openDoor(alice);
  expect(await dialDoor(bob, door, mallory.node)).toMatchObject({ ok: false, failure: "OtherIdentity" });
  expect([door.links, door.wrongSecrets]).toEqual([[], []]);
});

const request = "GET /homie/v1/jobs HTTP/1.1\r\nhost: homie\r\n\r\n";

test("O8: a key that is no member's gets 403 for everything, whatever it says it is", async () => {
  const asked: string[] = [];
  await using door = await openDoor(alice, { onRequest: (node) => void asked.push(node) });
  const claim = request.replace("\r\n\r\n", `\r\nrequester: ${bob.node}\r\n\r\n`);
  expect(await talk(door.listener.port, mallory.certificate, claim)).toMatch(/^HTTP\/1\.1 403 /);
  expect(asked).toEqual([]);
});

test("a member's request comes with the node of its key", async () => {
  const asked: string[] = [];
  await using door = await openDoor(alice, {
    isMember: (node) => node === bob.node,
    onRequest: (node, _, outgoing) => {
      asked.push(node);
      outgoing.writeHead(200, { connection: "close" }).end();
    },
  });
  expect(await talk(door.listener.port, bob.certificate, request)).toMatch(/^HTTP\/1\.1 200 /);
  expect(asked).toEqual([bob.node]);
});

test("A6: a member over its rate gets 429", async () => {
  await using door = await openDoor(alice, { isMember: () => true, allow: () => false });
  expect(await talk(door.listener.port, bob.certificate, request)).toMatch(/^HTTP\/1\.1 429 /);
});

test.each([
  ["without a certificate", {}],
  ["that speaks TLS 1.2", { ...bob.certificate, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }],
  ["that offers another protocol", { ...bob.certificate, ALPNProtocols: ["http/1.1"] }],
] as const)("W-01: a client %s never reaches a handler", async (_, options) => {
  const asked: string[] = [];
  await using door = await openDoor(alice, { isMember: () => true, onRequest: (node) => void asked.push(node) });
  expect(await talk(door.listener.port, options as object, request)).not.toMatch(/^HTTP/);
  expect(asked).toEqual([]);
});

test("W-01: plain HTTP gets no answer that can be read, and the connection is closed", async () => {
  await using door = await openDoor(alice);
  const socket = connect(door.listener.port, "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  socket.on("error", () => socket.destroy());
  socket.write(request);
  await once(socket, "close");
  expect(Buffer.concat(received).toString("latin1")).not.toMatch(/HTTP|homie|error/);
});

test("A1: 64 connections without proof is the most; one more pushes out the oldest, and a peer still gets in", async () => {
  await using door = await openDoor(alice);
  const idle: Socket[] = [];
  const first = connect(door.listener.port, "127.0.0.1");
  const gone = once(first, "close");
  first.on("error", () => first.destroy());
  for (let count = 0; count < 100; count++) {
    const socket = connect(door.listener.port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    idle.push(socket);
    await once(socket, "connect");
  }
  await gone;
  expect(door.listener.waiting()).toBeLessThanOrEqual(64);
  const outcome = await dialDoor(bob, door);
  expect(outcome.ok).toBe(true);
  if (outcome.ok) outcome.socket.destroy();
  for (const socket of idle) socket.destroy();
});

test("A1: who proves nothing in time is put out", async () => {
  await using door = await openDoor(alice, { limits: { connections: 64, timeoutMs: 300, bytes: 65_536 } });
  const socket = connect(door.listener.port, "127.0.0.1");
  await once(socket, "connect");
  socket.resume();
  await once(socket, "close");
  expect(door.listener.waiting()).toBe(0);
});
