import fc from "fast-check";
import { keyOf } from "../../../src/gossip/register.ts";
import { maxRegisters } from "../../../src/gossip/registers.ts";
import { startGossip, type GossipOutput, type GossipState } from "../../../src/gossip/state.ts";
import { stepGossip } from "../../../src/gossip/step.ts";
import * as wire from "../../../src/gossip/wire.ts";
import { readFacts } from "../../../src/trust/record-facts.ts";
import type { SignedRecord } from "../../../src/trust/record.ts";
import { decodeStrictJson } from "../../../src/trust/strict-json.ts";
import { recordOf, signCheaply, openCheaply } from "../../gossip/simulator/cheap-records.ts";
import { made, must, mutants, pack, unpack, type FuzzTarget } from "../target.ts";

const own = "a".repeat(25);
const neighbours = ["b".repeat(25), "c".repeat(25)] as const;
const nodes = [own, ...neighbours, ...[..."defghijk"].map((letter) => letter.repeat(25))];

const version = { boot: fc.constantFrom(0, 1, 2, 3, 2 ** 48 - 1), seq: fc.oneof(fc.nat(5), fc.maxSafeNat()) };
const node = fc.constantFrom(...nodes);
const carried = fc
  .record({ node, ...version, ageSeconds: fc.oneof(fc.nat(9), fc.maxSafeNat()), jobs: fc.nat(3), lie: fc.nat(9) })
  .map(({ node: about, boot, seq, ageSeconds, jobs, lie }) => {
    const bytes = signCheaply(recordOf({ node: about, boot, seq, jobs }));
    const key = keyOf(lie === 0 ? (nodes[3] ?? about) : about);
    return wire.encodeCarried({ key, boot, seq: lie === 1 ? seq >> 1 : seq, ageSeconds, bytes });
  });
const entry = fc.record({ node, ...version, hash: fc.nat(65_535) }).map(({ node: about, boot, seq, hash }) => {
  const whole = wire.encodeCarried({ key: keyOf(about), boot, seq, ageSeconds: 0, bytes: new Uint8Array() });
  // An entry begins like a record on its way; a hash stands where age and length would.
  return Buffer.concat([whole.subarray(0, -2), Buffer.from([hash >> 8, hash & 0xff])]);
});
const entries = fc.array(entry, { maxLength: 12 });
const section = fc.oneof(
  fc.uint8Array({ minLength: 6, maxLength: 6 }).map((root) => wire.encodeDigest(Buffer.from(root))),
  fc.nat(255).map((byte) => wire.encodeBuckets(Array.from({ length: 64 }, () => Buffer.alloc(6, byte)))),
  fc.tuple(fc.array(fc.nat(63), { maxLength: 5 }), entries).map(([buckets, all]) => wire.encodeEntries(buckets, all)),
  entries.map(wire.encodeHaves),
  fc.array(node, { maxLength: 12 }).map((all) => wire.encodeWants(all.map(keyOf))),
  fc.array(carried, { maxLength: 5 }).map(wire.encodeRecords),
);
const message = fc.array(section, { maxLength: 5 }).map(wire.encodeMessage);

/** All of openRecord but the signature, whose place a sum takes: what is fuzzed here is behind it. */
function open(bytes: Uint8Array): SignedRecord | undefined {
  const payload = bytes.subarray(97);
  const record = readFacts(decodeStrictJson(payload, { maxBytes: 16_384, maxDepth: 6 }));
  return record === undefined ? undefined : openCheaply(bytes);
}

export function gossipMessageTarget(): FuzzTarget {
  const corpus = fc.sample(message, { seed: 7, numRuns: 40 });
  return {
    name: "gossip-message",
    share: 20,
    sources: [mutants(corpus), made(message)],
    check(input) {
      const { sections, sound } = wire.decodeMessage(input);
      const items = sections.map(
        (each) =>
          ("entries" in each ? each.entries : "records" in each ? each.records : "keys" in each ? each.keys : [])
            .length,
      );
      must(items.reduce((sum, count) => sum + count, 0) <= input.length, "more in a message than it has bytes");
      for (const each of sections) if (each.kind === "records") mustLieInside(each.records, input);
      return sound ? "accepted" : "refused";
    },
  };
}

function mustLieInside(records: readonly wire.Carried[], input: Uint8Array): void {
  for (const { bytes, boot, seq, ageSeconds } of records) {
    must(bytes.buffer === input.buffer && bytes.byteOffset >= input.byteOffset, "bytes from elsewhere");
    must(
      [boot, seq, ageSeconds].every((each) => Number.isSafeInteger(each) && each >= 0),
      "a number out of range",
    );
  }
}

/** A conversation: messages of two neighbours, with time passing between them. */
export function gossipStepTarget(): FuzzTarget {
  const talk = fc.array(message, { maxLength: 6 }).map(pack);
  const corpus = fc.sample(talk, { seed: 11, numRuns: 40 });
  return {
    name: "gossip-step",
    share: 4,
    sources: [made(talk), mutants(corpus)],
    check(input) {
      let state = startGossip({ own, open });
      ({ state } = stepGossip(
        state,
        { kind: "links", linked: neighbours, members: [...neighbours] },
        { nowMs: 0, random: 0.5 },
      ));
      let nowMs = 1_000;
      for (const [index, bytes] of unpack(input).slice(0, 12).entries()) {
        const from = neighbours[index % 2] ?? own;
        nowMs += [0, 40, 700, 9_000][bytes.length % 4] ?? 0;
        const step = stepGossip(state, { kind: "message", from, message: bytes }, { nowMs, random: (index % 10) / 10 });
        mustAdvance(state, step.state);
        for (const output of step.outputs) mustBeSound(output);
        ({ state } = step);
      }
      mustBeBounded(state);
      return state.registers.size > 0 ? "accepted" : "refused";
    },
  };
}

/** What is known never goes back. */
function mustAdvance(before: GossipState, after: GossipState): void {
  for (const { key, signed } of before.registers.all()) {
    const now = after.registers.get(key)?.signed.record;
    must(now !== undefined, "a record is gone");
    const { boot, seq, node: about } = signed.record;
    must(now.node === about && (now.boot > boot || (now.boot === boot && now.seq >= seq)), "a record went back");
  }
}

function mustBeSound(output: GossipOutput): void {
  if (output.kind !== "send") return;
  must(
    neighbours.some((each) => each === output.to),
    "a message to nobody",
  );
  must(output.message.length <= wire.maxMessageBytes, `a message of ${output.message.length} bytes`);
  must(wire.decodeMessage(output.message).sound, "a message that cannot be read");
}

function mustBeBounded({ registers, wanted, held, outboxes, links, picks }: GossipState): void {
  must(registers.size <= maxRegisters && registers.all().length === registers.size, "too many registers");
  must(wanted.size <= maxRegisters && held.size <= registers.size, "too much is waited for");
  must(
    [...wanted.values()].every(({ others }) => others.length <= 3),
    "too many are to be asked",
  );
  must(links.size === 2 && picks.length <= 6 && outboxes.size <= links.size, "links that are none");
  for (const { entries: buckets, haves, wants, bodies } of outboxes.values()) {
    must(buckets.size <= 64 && wants.size <= maxRegisters, "an outbox without end");
    must(haves.size <= registers.size && bodies.size <= registers.size, "an outbox without end");
  }
}
