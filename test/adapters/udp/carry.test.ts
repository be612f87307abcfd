import { createSocket, type Socket } from "node:dgram";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { carry, DatagramReader, type Carrying } from "../../../src/adapters/udp/carry.ts";

function frame(...datagrams: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    datagrams.flatMap((datagram) => {
      const size = Buffer.alloc(2);
      size.writeUInt16BE(datagram.length);
      return [size, datagram];
    }),
  );
}

/** Two ends of a connection. */
function connection(): readonly [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _, done) => {
        other().push(chunk);
        done();
      },
    });
  const one: Duplex = make(() => two);
  const two: Duplex = make(() => one);
  return [one, two];
}

async function listen(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  return socket;
}

describe("a stream of datagrams", () => {
  test("is cut where each ends, however it comes in", () => {
    const datagrams = [Buffer.from("a"), Buffer.alloc(2_048, 7), Buffer.from("last")];
    const bytes = frame(...datagrams);
    for (const step of [1, 2, 3, 700, bytes.length]) {
      const reader = new DatagramReader();
      const out: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += step) {
        const found = reader.push(bytes.subarray(at, at + step));
        if (found !== "broken") out.push(...found);
      }
      expect(out).toEqual(datagrams);
    }
  });

  test.each([
    ["an empty one", Buffer.from([0, 0])],
    ["one that is longer than a packet of a tunnel", Buffer.from([8, 1])],
  ])("is broken by %s, and stays so", (_, bytes) => {
    const reader = new DatagramReader();
    expect(reader.push(bytes)).toBe("broken");
    expect(reader.push(frame(Buffer.from("x")))).toBe("broken");
  });
});

describe("packets of a tunnel in a connection", () => {
  let wireguards: readonly Socket[] = [];
  const carryings: Carrying[] = [];
  let closed = 0;
  let ends: readonly Duplex[] = [];

  beforeEach(async () => {
    wireguards = [await listen(), await listen()];
    ends = connection();
    closed = 0;
    for (const [index, socket] of ends.entries())
      carryings.push(
        await carry({
          ...{ socket, head: Buffer.alloc(0), idleMs: 60_000 },
          wireguardPort: wireguards[index]?.address().port ?? 0,
          onClose: () => void (closed += 1),
        }),
      );
  });

  afterEach(() => {
    for (const carrying of carryings.splice(0)) carrying.close();
    for (const socket of wireguards) socket.close();
  });

  test("come out at the other end as they went in, there and back", async () => {
    const [one, two] = wireguards;
    const got = new Promise<Buffer>((resolve) =>
      two?.once("message", (datagram, from) => {
        two.send(Buffer.concat([datagram, Buffer.from(" back")]), from.port, from.address);
        resolve(datagram);
      }),
    );
    const back = new Promise<string>((resolve) => one?.once("message", (datagram) => resolve(datagram.toString())));
    const [host = "", port = ""] = carryings[0]?.endpoint.split(":") ?? [];
    one?.send("hello", Number(port), host);
    expect((await got).toString()).toBe("hello");
    expect(await back).toBe("hello back");
  });

  test("of other programs on this machine are not passed on", async () => {
    const stranger = await listen();
    const [one, two] = wireguards;
    const heard: string[] = [];
    two?.on("message", (datagram) => heard.push(datagram.toString()));
    const port = Number(carryings[0]?.endpoint.split(":")[1]);
    stranger.send("evil", port, "127.0.0.1");
    await new Promise<void>((resolve) => stranger.send("evil again", port, "127.0.0.1", () => resolve()));
    one?.send("good", port, "127.0.0.1");
    await expect.poll(() => heard).toEqual(["good"]);
    stranger.close();
  });

  test("end with their connection, and say so once", async () => {
    ends[0]?.destroy();
    await expect.poll(() => closed).toBe(1);
    ends[1]?.push(Buffer.from([0, 0]));
    await expect.poll(() => closed).toBe(2);
    for (const carrying of carryings) carrying.close();
    expect(closed).toBe(2);
  });
});
