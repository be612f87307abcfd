import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { encodeFrame, FrameReader, maxFrameBytes } from "../../../src/adapters/tls/frames.ts";
import { endpointProblem, parseEndpoint } from "../../../src/adapters/tls/endpoint.ts";
import { chooseLink } from "../../../src/adapters/tls/link-table.ts";
import { Link, type LinkEvents } from "../../../src/adapters/tls/link.ts";
import { TokenBucket } from "../../../src/adapters/tls/token-bucket.ts";
import { WaitingRoom } from "../../../src/adapters/tls/waiting-room.ts";

const none = Buffer.alloc(0);
const nobody = { node: "bbb", identity: none, remoteAddress: "10.0.0.2", remotePort: 5556, localAddress: "10.0.0.1" };

function createLink(options: { dialled?: boolean; nowMs?: () => number; allow?: () => boolean } = {}): {
  readonly link: Link;
  readonly other: ReturnType<typeof duplexPair>[0];
} {
  const [socket, other] = duplexPair();
  const { dialled = true, nowMs = () => 0, allow = () => true } = options;
  return { link: new Link({ socket, peer: nobody, dialled, nowMs, allow }), other };
}

function listen(link: Link): string[] {
  const heard: string[] = [];
  const events: LinkEvents = {
    record: (bytes) => void heard.push(`record ${Buffer.from(bytes).toString()}`),
    gossip: (message) => void heard.push(`gossip ${Buffer.from(message).toString()}`),
    rtt: (milliseconds) => void heard.push(`rtt ${milliseconds}`),
    known: (bytes) => void heard.push(`known ${Buffer.from(bytes).toString()}`),
    membership: (word) => void heard.push(`membership ${Buffer.from(word).toString()}`),
    path: (message) => void heard.push(`path ${Buffer.from(message).toString()}`),
    closed: (reason) => void heard.push(`closed ${reason ?? ""}`),
  };
  link.start(events, none);
  return heard;
}

test("frames come out whole, however the bytes were cut", () => {
  const stream = Buffer.concat([encodeFrame("gossip", Buffer.from("one")), encodeFrame("bye", none)]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new FrameReader();
    const frames = [stream.subarray(0, cut), stream.subarray(cut)].flatMap((part) => {
      const cutOut = reader.push(part);
      return cutOut === "broken"
        ? ["broken"]
        : cutOut.map(({ name, body }) => `${name} ${Buffer.from(body).toString()}`);
    });
    expect(frames).toEqual(["gossip one", "bye "]);
  }
});

test("O7: a length over the limit breaks the stream before anything is kept", () => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(maxFrameBytes + 1, 0);
  const reader = new FrameReader();
  expect([reader.push(head), reader.push(encodeFrame("bye", none))]).toEqual(["broken", "broken"]);
});

test("a heartbeat carries the record there, and its echo measures the way back", async () => {
  let nowMs = 100;
  const [a, b] = duplexPair();
  const make = (socket: typeof a): Link =>
    new Link({ socket, peer: nobody, dialled: true, nowMs: () => nowMs, allow: () => true });
  const [here, there] = [make(a), make(b)];
  const [heardHere, heardThere] = [listen(here), listen(there)];
  here.heartbeat(Buffer.from("R"));
  nowMs = 107;
  await expect.poll(() => [...heardThere, ...heardHere]).toEqual(["record R", "rtt 7"]);
  there.close("leaving");
  await expect.poll(() => heardHere).toContain("closed leaving");
});

test("A6: frames over the rate are dropped, and the link stays", async () => {
  let allowed = 1;
  const { link, other } = createLink({ allow: () => allowed-- > 0 });
  const heard = listen(link);
  for (const text of ["1", "2", "3"]) other.write(encodeFrame("gossip", Buffer.from(text)));
  await expect.poll(() => heard).toEqual(["gossip 1"]);
  expect(link.isOpen).toBe(true);
});

test("G-12: bytes of a frame that does not become whole are no sign of life, however long they go on", async () => {
  let nowMs = 100;
  const { link, other } = createLink({ nowMs: () => nowMs });
  const heard = listen(link);
  const frame = encodeFrame("membership", Buffer.alloc(64));
  for (const [index] of frame.entries()) {
    nowMs = 100 + 1_000 * (index + 1);
    other.write(frame.subarray(index, index + 1));
    await new Promise((resolve) => setImmediate(resolve));
    if (index < frame.length - 1) expect([link.heardMs, heard.length]).toEqual([100, 0]);
  }
  await expect.poll(() => heard).toHaveLength(1);
  expect(link.heardMs).toBe(nowMs);
});

const claim = (dialled: boolean, boot: number, heardMs = 0): { link: Link; boot: number } => ({
  link: createLink({ dialled, nowMs: () => heardMs }).link,
  boot,
});

test.each([
  ["the smaller node id's dial stays, seen from it", "aaa", claim(true, 1), claim(false, 1), 0, "held"],
  ["the smaller node id's dial wins, seen from it", "aaa", claim(false, 1), claim(true, 1), 0, "offered"],
  ["the smaller node id's dial stays, seen from the other", "ccc", claim(false, 1), claim(true, 1), 0, "held"],
  ["the smaller node id's dial wins, seen from the other", "ccc", claim(true, 1), claim(false, 1), 0, "offered"],
  ["a second dial of the same side replaces the first", "aaa", claim(true, 1), claim(true, 1), 0, "offered"],
  ["a restarted peer's link wins", "aaa", claim(true, 1), claim(false, 2), 0, "offered"],
  ["a link of before the restart loses", "ccc", claim(true, 2), claim(false, 1), 0, "held"],
  ["a silent link loses", "aaa", claim(true, 1), claim(false, 1), 5_001, "offered"],
] as const)("of two links between one pair, %s", (_, own, held, offered, nowMs, chosen) => {
  expect(chooseLink(own, held, offered, nowMs)).toBe(chosen);
});

test("20 messages a second pass, after a burst of 40", () => {
  const bucket = new TokenBucket(20, 40, 0);
  const taken = (count: number, nowMs: number): number =>
    Array.from({ length: count }, () => bucket.take(nowMs)).filter(Boolean).length;
  expect([taken(100, 0), taken(100, 1_000), taken(100, 500)]).toEqual([40, 20, 0]);
});

test("a full waiting room puts out the oldest guest of the address with most of them", () => {
  const put: string[] = [];
  const room = new WaitingRoom<{ remoteAddress: string; bytesRead: number; destroy: () => void }>(() => 0, {
    ...{ connections: 3, timeoutMs: 5_000, bytes: 100 },
  });
  const enter = (name: string, remoteAddress: string, bytesRead = 0): void =>
    room.enter({ remoteAddress, bytesRead, destroy: () => void put.push(name) });
  enter("friend", "10.0.0.2");
  enter("flood 1", "10.0.0.9");
  enter("flood 2", "10.0.0.9");
  enter("flood 3", "10.0.0.9");
  expect(put).toEqual(["flood 1"]);
  enter("greedy", "10.0.0.8", 101);
  room.inspect();
  expect(put).toEqual(["flood 1", "flood 2", "greedy"]);
  room.close();
});

const own = new Set(["10.0.0.1", "172.17.0.1"]);

test.each([
  "127.0.0.1:5556",
  "0.0.0.0:5556",
  "224.0.0.1:5556",
  "255.255.255.255:5556",
  "169.254.1.1:5556",
  "10.0.0.1:5556",
  "172.17.0.1:5556",
  "10.0.0.2:22",
  "[::1]:5556",
  "[ff02::1]:5556",
  "mail.example.net:5556",
])("G-08: %s is never dialled on somebody's word", (text) => {
  const endpoint = parseEndpoint(text, 5556);
  expect(endpoint).toBeDefined();
  if (endpoint !== undefined) expect(endpointProblem(endpoint, own)).toEqual(expect.any(String));
});

test("G-08: an address of the same network may be tried", () => {
  expect(endpointProblem({ host: "10.0.0.2", port: 5556 }, own)).toBeUndefined();
  expect([parseEndpoint("10.0.0.2:0", 5556), parseEndpoint("10.0.0.2:70000", 5556)]).toEqual([undefined, undefined]);
});
