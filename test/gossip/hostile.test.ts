import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf } from "../../src/gossip/register.ts";
import { maxRegisters } from "../../src/gossip/registers.ts";
import { startGossip, type GossipInput, type GossipOutput, type GossipState } from "../../src/gossip/state.ts";
import { stepGossip } from "../../src/gossip/step.ts";
import * as wire from "../../src/gossip/wire.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";
import { openRecord, signRecord, type LiveRecord } from "../../src/trust/record.ts";
import { openCheaply, recordOf, signCheaply } from "./simulator/cheap-records.ts";

const own = "a".repeat(25);
const neighbour = "b".repeat(25);
const other = "c".repeat(25);

interface Run {
  state: GossipState;
  readonly outputs: GossipOutput[];
  take(input: GossipInput, nowMs?: number): void;
}

function linked(open = openCheaply): Run {
  const run: Run = {
    state: startGossip({ own, open }),
    outputs: [],
    take(input, nowMs = 1_000) {
      const step = stepGossip(run.state, input, { nowMs, random: 0.5 });
      run.state = step.state;
      run.outputs.push(...step.outputs);
    },
  };
  run.take({ kind: "links", linked: [neighbour, other], members: [neighbour, other] });
  run.outputs.length = 0;
  return run;
}

interface Told extends Partial<Pick<LiveRecord, "node" | "boot" | "seq" | "jobs">> {
  readonly bytes?: Uint8Array;
}

function carrying(...told: readonly Told[]): GossipInput {
  const carried = told.map(({ node = other, boot = 1, seq = 1, jobs = 0, bytes }) =>
    wire.encodeCarried({
      ...{ key: keyOf(node), boot, seq, ageSeconds: 0 },
      bytes: bytes ?? signCheaply(recordOf({ node, boot, seq, jobs })),
    }),
  );
  return { kind: "message", from: neighbour, message: wire.encodeMessage([wire.encodeRecords(carried)]) };
}

function numbersOf(run: Run, node = other): unknown {
  const register = run.state.registers.get(keyOf(node));
  return register === undefined ? undefined : [register.signed.record.boot, register.signed.record.seq];
}

const of = (run: Run, kind: GossipOutput["kind"]): readonly GossipOutput[] =>
  run.outputs.filter((output) => output.kind === kind);

test("G-03: an old record never replaces a newer one, and one seen before is no news", () => {
  const run = linked();
  run.take(carrying({ boot: 2, seq: 1 }, { boot: 1, seq: 900 }, { boot: 2, seq: 0 }, { boot: 2, seq: 1 }));
  expect(numbersOf(run)).toEqual([2, 1]);
  expect(of(run, "learnt")).toHaveLength(1);
  expect(run.state.counts).toMatchObject({ stale: 2, doubled: 1 });
});

test("G-04: nobody writes the record of somebody else", () => {
  const alice = generateIdentity().identityKey;
  const mallory = generateIdentity().identityKey;
  const node = nodeIdOf(publicKeyOf(alice, "ed25519"));
  const facts = (seq: number): LiveRecord => recordOf({ node, boot: 1, seq });
  const run = linked(openRecord);
  run.take(carrying({ node, seq: 1, bytes: signRecord(facts(1), alice) }));
  run.take(carrying({ node, seq: 2, bytes: signRecord(facts(2), mallory) }));
  const torn = signRecord(facts(3), alice);
  torn[100] = (torn[100] ?? 0) ^ 1;
  run.take(carrying({ node, seq: 3, bytes: torn }));
  expect(numbersOf(run, node)).toEqual([1, 1]);
  expect(run.state.counts.forged).toBe(2);
});

test("G-04: a record under another name or number than its own is dropped with the rest of its message", () => {
  const bytes = signCheaply(recordOf({ node: other, boot: 1, seq: 1 }));
  for (const lie of [
    { node: "d".repeat(25), bytes },
    { seq: 7, bytes },
    { boot: 3, bytes },
  ]) {
    const run = linked();
    run.take(carrying(lie, { node: "e".repeat(25) }));
    expect(run.state.registers.size).toBe(0);
    expect(run.state.counts.forged).toBe(1);
  }
});

test("G-03: two records with one number are told of once and remembered; whichever came first, the same one stays", () => {
  const [left, right] = [{ jobs: 1 }, { jobs: 2 }];
  const ends = [
    [left, right],
    [right, left],
  ].map((told) => {
    const run = linked();
    run.take(carrying(...told, ...told));
    expect(of(run, "contradiction")).toEqual([{ kind: "contradiction", node: other }]);
    const register = run.state.registers.get(keyOf(other));
    run.take(carrying({ seq: 2 }));
    expect(run.state.registers.get(keyOf(other))).toMatchObject({ contradicted: true });
    expect(run.state.registers.get(keyOf(other))?.rival).toBeUndefined();
    return [register?.signed.record.jobs, register?.rival?.record.jobs, register?.entry.toString("hex")];
  });
  expect(ends[0]).toEqual(ends[1]);
});

test("bytes are passed on as they came", () => {
  const run = linked();
  const bytes = signCheaply(recordOf({ node: "d".repeat(25), boot: 1, seq: 1 }));
  run.take(carrying({ node: "d".repeat(25), bytes }));
  run.take({ kind: "tick" }, 1_200);
  const sent = of(run, "send").flatMap((output) => (output.kind === "send" && output.to === other ? [output] : []));
  expect(sent.some(({ message }) => Buffer.from(message).includes(bytes))).toBe(true);
});

test("invented machines fill no memory, and one that proved the secret still gets in", () => {
  const run = linked();
  const invented = Array.from({ length: maxRegisters + 100 }, (_, index) => ({
    node: Array.from({ length: 25 }, (__, at) => "abcdefghijklmnopqrstuvwxyz234567"[(index >> (at * 5)) & 31]).join(""),
  })).filter(({ node }) => node !== own);
  for (let at = 0; at < invented.length; at += 50) run.take(carrying(...invented.slice(at, at + 50)), 1_000 + at);
  expect(run.state.registers.size).toBe(maxRegisters);
  expect(run.state.counts.crowded).toBeGreaterThan(0);
  run.take(carrying({ node: other }), 60_000);
  expect(numbersOf(run)).toEqual([1, 1]);
  expect(run.state.registers.size).toBe(maxRegisters);
});

test("a neighbour causes at most 1,024 checks of signatures at once, and 100 a second", () => {
  let opened = 0;
  const run = linked((bytes) => {
    opened += 1;
    return openCheaply(bytes);
  });
  const flood = (nowMs: number, from: number): void => {
    for (let seq = from; seq < from + 3_000; seq += 50)
      run.take(carrying(...Array.from({ length: 50 }, (_, index) => ({ seq: seq + index }))), nowMs);
  };
  flood(1_000, 1);
  expect(opened).toBe(1_024);
  flood(2_000, 10_000);
  expect(opened).toBe(1_124);
  expect(run.state.counts.overRate).toBeGreaterThan(0);
});

test("one who changes all the time is passed on once a second, and its newest in the end", () => {
  const run = linked();
  for (let seq = 1; seq <= 100; seq += 1) run.take(carrying({ boot: seq, node: "d".repeat(25) }), 1_000 + seq * 10);
  run.take({ kind: "tick" }, 4_000);
  const carried = of(run, "send").flatMap((output) =>
    output.kind === "send" && output.to === other
      ? wire.decodeMessage(output.message).sections.flatMap((each) => (each.kind === "records" ? each.records : []))
      : [],
  );
  expect(carried.length).toBeLessThanOrEqual(2);
  expect(carried.at(-1)?.boot).toBe(100);
});

test("a stranger's message is not looked at", () => {
  const run = linked();
  const told = carrying({});
  run.take(told.kind === "message" ? { ...told, from: "d".repeat(25) } : told);
  expect(run.state.registers.size).toBe(0);
});

test("whatever bytes come, the step answers, counts and keeps what it had", () => {
  const sound = carrying({ seq: 5 });
  const message = sound.kind === "message" ? sound.message : new Uint8Array();
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((tail) => Buffer.concat([Buffer.from([1]), tail])),
    fc.nat(message.length).map((length) => message.subarray(0, length)),
    fc.tuple(fc.nat(message.length - 1), fc.nat(255)).map(([at, byte]) => Buffer.from(message).fill(byte, at, at + 1)),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (messages) => {
      const run = linked();
      run.take(carrying({ seq: 3 }));
      for (const each of messages) run.take({ kind: "message", from: neighbour, message: each });
      expect([3, 5]).toContain(run.state.registers.get(keyOf(other))?.signed.record.seq);
      expect(run.state.registers.get(keyOf(other))?.signed.record.node).toBe(other);
    }),
  );
});

test("G-12: a message over 64 KiB is garbage", () => {
  const run = linked();
  run.take({ kind: "message", from: neighbour, message: Buffer.alloc(wire.maxMessageBytes + 1, 1) });
  expect(run.state.counts.garbage).toBe(1);
});

test("G-12: a message that lists 100,000 machines is garbage, and however many are listed no more than 1,024 are asked for", () => {
  const keys = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => (index + 1).toString(16).padStart(16, "0"));
  const wants = wire.encodeMessage([wire.encodeWants(keys(100_000))]);
  expect(wire.decodeMessage(wants)).toEqual({ sections: [], sound: false });
  const run = linked();
  run.take({ kind: "message", from: neighbour, message: wants });
  expect(run.state.counts.garbage).toBe(1);
  const entries = keys(5_000).map((key) => Buffer.concat([Buffer.from(key, "hex"), Buffer.from([1, 1, 0, 0])]));
  const message = wire.encodeMessage([wire.encodeHaves(entries)]);
  for (const from of [neighbour, other]) run.take({ kind: "message", from, message });
  expect(run.state.wanted.size).toBe(maxRegisters);
  expect(run.state.outboxes.get(neighbour)?.wants.size).toBeLessThanOrEqual(maxRegisters);
  run.take({ kind: "tick" }, 60_000);
  expect(run.state.wanted.size).toBeLessThanOrEqual(maxRegisters);
});

test("the state handed in is not touched", () => {
  const run = linked();
  run.take(carrying({ seq: 1 }));
  const before = run.state;
  const look = (state: GossipState): unknown => [
    state.registers.root().toString("hex"),
    ...[state.links, state.outboxes, state.wanted, state.held].map((each) => JSON.stringify([...each.entries()])),
    JSON.stringify([state.picks, state.counts, state.digestMs, state.calm]),
  ];
  const was = look(before);
  run.take(carrying({ seq: 2 }, { node: "d".repeat(25) }), 5_000);
  run.take({ kind: "links", linked: [], members: [] });
  expect(look(before)).toEqual(was);
});
