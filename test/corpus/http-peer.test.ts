import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { createMachine, dialDoor } from "../adapters/tls/tls-fixture.ts";
import { post, request, statusOf } from "./http/case.ts";
import { attemptName, openPeerBed } from "./http/peer-bed.ts";
import { peerCases } from "./http/peer-cases.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectSayable } from "./support/expect-sayable.ts";

const times = openCaseTimes("W, peer port");
afterAll(() => console.log(times.report()));

const report = request(`GET /homie/v1/attempts/${attemptName}/report`);

describe("the peer port, sent by a member", () => {
  test.each(peerCases)("$id $title, answers $answer and goes on", async ({ id, title, send, answer }) => {
    await using bed = await openPeerBed();
    const said = await times.measure(`${id} ${title}`, () => bed.exchange(bed.alice, send));
    expect(statusOf(said)).toBe(answer);
    const body = said.split("\r\n\r\n").slice(1).join("");
    if (body.startsWith("{")) expectSayable((JSON.parse(body) as { message: string }).message);
    expect(bed.store.list("Attempt")).toEqual([]);
    expect(bed.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    expect(statusOf(await bed.exchange(bed.alice, bed.claim(bed.alice)))).toBe(200);
  });
});

describe("W-01 the peer port, asked by", () => {
  /** What comes back, or the error that ended it. */
  const talk = async (port: number, options: ConnectionOptions): Promise<string> =>
    await new Promise((resolve) => {
      let answer = "";
      const socket = connect({
        host: "127.0.0.1",
        port,
        rejectUnauthorized: false,
        ALPNProtocols: ["homie/1"],
        ...options,
      });
      socket.on("secureConnect", () => socket.write(report));
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      socket.on("error", () => socket.destroy());
      socket.on("close", () => resolve(answer));
    });

  test("W-01 plain HTTP, answers nothing", async () => {
    await using bed = await openPeerBed();
    const socket = connectPlain(bed.door.listener.port, "127.0.0.1");
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
    socket.on("error", () => socket.destroy());
    socket.write(report);
    await once(socket, "close");
    expect(said).not.toMatch(/HTTP|homie/);
    expect(bed.asked).toEqual([]);
  });

  test.each([
    ["TLS 1.2", { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }],
    ["TLS 1.3 without a certificate", { cert: undefined, key: undefined }],
    ["another protocol", { ALPNProtocols: ["http/1.1"] }],
    ["no protocol", { ALPNProtocols: undefined }],
    ["W-11 HTTP/2", { ALPNProtocols: ["h2"] }],
  ])("W-01 %s, ends at the handshake", async (_title, options) => {
    await using bed = await openPeerBed();
    const { certificate } = bed.alice;
    expect(await talk(bed.door.listener.port, { ...certificate, ...options } as ConnectionOptions)).toBe("");
    expect(bed.asked).toEqual([]);
  });

  test("W-01 a key that nobody knows, answers 403 before any program of ours looks at it", async () => {
    await using bed = await openPeerBed();
    expect(statusOf(await bed.exchange(createMachine(), report))).toBe(403);
    expect(bed.asked).toEqual([]);
  });

  test("W-01 a member that is one no longer, answers 403 on the connection it still has", async () => {
    await using bed = await openPeerBed();
    const { certificate, node } = bed.alice;
    const options = {
      host: "127.0.0.1",
      port: bed.door.listener.port,
      rejectUnauthorized: false,
      ALPNProtocols: ["homie/1"],
    };
    const socket = connect({ ...options, ...certificate });
    const keepAlive = bed.claim(bed.alice).replace("Connection: close\r\n", "");
    socket.write(keepAlive);
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(statusOf(first.toString())).toBe(200);
    bed.members.delete(node);
    socket.removeAllListeners("data");
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
    socket.write(keepAlive);
    await once(socket, "close");
    expect(said).toContain("HTTP/1.1 403 ");
    expect(bed.asked).toHaveLength(1);
  });
});

describe("the peer port and slow callers", () => {
  test.each([
    ["headers", `GET /homie/v1/link HTTP/1.1\r\nHost: ho`],
    ["nothing at all", ""],
    ["the body of a stranger", `POST /homie/v1/claims HTTP/1.1\r\nHost: homie\r\nContent-Length: 10\r\n`],
  ])("W-02 %s that never end, are put out of the waiting room", async (_title, text) => {
    await using bed = await openPeerBed({ limits: { connections: 64, timeoutMs: 300, bytes: 65_536 } });
    expect(statusOf(await bed.exchange(createMachine(), text))).toBe("closed");
    expect([bed.asked, bed.door.listener.waiting()]).toEqual([[], 0]);
  });

  test("W-02 a stranger that sends more than 64 KiB, is put out", async () => {
    await using bed = await openPeerBed();
    const lines = Array.from({ length: 9 }, (_, at) => request("GET /", [`X-${at}: ${"x".repeat(15_000)}`]));
    expect(["closed", 403]).toContain(statusOf(await bed.exchange(createMachine(), lines.join(""))));
    expect(bed.asked).toEqual([]);
  });

  test("W-10 200 strangers at once, keep no member out", async () => {
    await using bed = await openPeerBed();
    const idle = Array.from({ length: 200 }, () => connectPlain(bed.door.listener.port, "127.0.0.1"));
    for (const socket of idle) socket.on("error", () => socket.destroy()).resume();
    await Promise.all(idle.map((socket) => new Promise((open) => socket.once("connect", open).once("close", open))));
    expect(bed.door.listener.waiting()).toBeLessThanOrEqual(64);
    expect(statusOf(await bed.exchange(bed.alice, bed.claim(bed.alice)))).toBe(200);
    const outcome = await dialDoor(createMachine(), bed.door);
    expect(outcome.ok).toBe(true);
    if (outcome.ok) outcome.socket.destroy();
    for (const socket of idle) socket.destroy();
  });

  test("W-10 a member over its rate, answers 429 and reaches nothing", async () => {
    await using bed = await openPeerBed({ allow: () => false });
    expect(statusOf(await bed.exchange(bed.alice, bed.claim(bed.alice)))).toBe(429);
    expect(bed.asked).toEqual([]);
  });
});

describe("what belongs to another member", () => {
  test("W-06 a claim that somebody else sealed, answers 403 and is kept by nobody", async () => {
    await using bed = await openPeerBed();
    const said = await bed.exchange(bed.mallory, bed.claim(bed.mallory, {}, bed.alice));
    expect(statusOf(said)).toBe(403);
    expect(said).toContain("Job authentication failed");
    expect(bed.store.list("Attempt")).toEqual([]);
    expect(bed.log.lines.filter((line) => line.startsWith("warn"))).toEqual([
      expect.stringContaining(bed.mallory.node),
    ]);
    const events = bed.store.events.list({ kind: "Peer" });
    expect(events.map(({ type, reason }) => [type, reason])).toEqual([["Warning", "SealRejected"]]);
  });

  test("W-06 words about who asks, change nothing: the key of the connection counts", async () => {
    await using bed = await openPeerBed();
    const claim = bed.claim(bed.mallory).replace("Host: homie", `Host: homie\r\nX-Node: ${bed.alice.node}`);
    expect(statusOf(await bed.exchange(bed.mallory, claim))).toBe(200);
    const [attempt] = bed.store.list("Attempt");
    expect(attempt).toMatchObject({ spec: { hosted: { submitter: { node: bed.mallory.node } } } });
  });

  const path = `/homie/v1/attempts/${attemptName}`;
  const theirs: readonly (readonly [title: string, text: string])[] = [
    ["report", report],
    ["log", request(`GET ${path}/log`)],
    ["outputs", request(`GET ${path}/outputs`)],
    ["begin", post(`${path}/begin`, "{}")],
    ["stop", post(`${path}/stop`, '{"reason":"Cancelled","message":"by mallory"}')],
    ["dismiss", post(`${path}/dismiss`, "{}")],
    ["offer", post(`${path}/offer`, '{"offer":"{}","seal":""}')],
    ["inputs", request(`PUT ${path}/inputs`, ["Content-Length: 1"], "x")],
    ["image", request(`PUT ${path}/image`, ["Content-Length: 1"], "x")],
  ];
  test.each(theirs)(
    "W-07 the %s of another member's Job, is not found, as if there were none",
    async (_title, text) => {
      await using bed = await openPeerBed();
      const before = await bed.exchange(bed.mallory, text);
      expect(statusOf(await bed.exchange(bed.alice, bed.claim(bed.alice)))).toBe(200);
      const after = await bed.exchange(bed.mallory, text);
      expect(statusOf(after)).toBe(404);
      expect(withoutDate(after)).toBe(withoutDate(before));
      const [attempt] = bed.store.list("Attempt");
      expect(attempt?.metadata.deletionTimestamp).toBeUndefined();
      expect(attempt).not.toHaveProperty("spec.stop");
    },
  );

  test("W-08 the same attempt with another digest, answers 409; with the same one, as before", async () => {
    await using bed = await openPeerBed();
    const first = await bed.exchange(bed.alice, bed.claim(bed.alice));
    expect(withoutDate(await bed.exchange(bed.alice, bed.claim(bed.alice)))).toBe(withoutDate(first));
    expect(statusOf(await bed.exchange(bed.alice, bed.claim(bed.alice, { argv: ["evil"] })))).toBe(409);
    expect(statusOf(await bed.exchange(bed.mallory, bed.claim(bed.mallory)))).toBe(409);
    expect(bed.store.list("Attempt")).toMatchObject([{ spec: { argv: ["true"] } }]);
  });
});

function withoutDate(answer: string): string {
  return answer.replace(/^Date: .*\r\n/m, "");
}
