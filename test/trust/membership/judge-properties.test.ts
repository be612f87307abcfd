import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeMembership } from "../../../src/trust/membership/judge-membership.ts";
import { genesisOf, idOf, machine, Signer, flip, type Machine } from "./kit.ts";

const crew = Array.from({ length: 7 }, (_, index) => machine(`m${index}`));
const founder = crew[0] as Machine;
const genesis = genesisOf(founder);
const sign = new Signer(genesis.network);

/** What one of the crew, or the thief of its key, says of another, keeping some of what was said before. */
interface Deed {
  readonly kind: "admit" | "revoke" | "rotate" | "leave";
  readonly by: number;
  readonly to: number;
  readonly seq: number;
  readonly lastGoodSeq: number;
  readonly keep: number;
}
const index = fc.nat({ max: crew.length - 1 });
const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom("admit", "admit", "admit", "admit", "revoke", "rotate", "leave"),
  ...{ by: index, to: index, seq: fc.integer({ min: 1, max: 5 }), lastGoodSeq: fc.nat({ max: 5 }), keep: fc.nat() },
});
const story = fc.array(deed, { maxLength: 16 }).map(tell);

function tell(deeds: readonly Deed[]): Buffer[] {
  const told: Buffer[] = [genesis.bytes];
  for (const { kind, by, to, seq, lastGoodSeq, keep } of deeds) {
    const [author, other] = [crew[by] as Machine, crew[to] as Machine];
    const keeps = told.map(idOf).filter((_, bit) => ((keep >> bit) & 1) === 1);
    const cut = { seq, lastGoodSeq, keeps };
    if (kind === "admit") told.push(sign.admit(author, other, { seq }));
    else if (kind === "leave") told.push(sign.leave(author, cut));
    else told.push(sign[kind](author, other, cut));
  }
  return told;
}

const shuffled = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
const judged = (statements: readonly Uint8Array[]): ReturnType<typeof judgeMembership> =>
  judgeMembership(genesis.network, statements);
const outOf = (statements: readonly Uint8Array[]): string[] =>
  judged(statements).removed.map(({ identity }) => identity);

test("G-15: any order and any doubling of statements gives the same answer", () => {
  const orders = story.chain((told) => fc.tuple(fc.constant(told), shuffled(told), shuffled(told), fc.subarray(told)));
  fc.assert(
    fc.property(orders, ([told, one, other, doubled]) => {
      const expected = judged(told);
      expect(judged([...one, ...doubled])).toEqual(expected);
      expect(judged([...doubled, ...other, ...doubled])).toEqual(expected);
    }),
    { numRuns: 120 },
  );
}, 60_000);

test("G-15: ten thousand orders of one story end in one membership", () => {
  const [one, two, three, four, five] = crew.slice(1) as [Machine, Machine, Machine, Machine, Machine];
  const admits = [sign.admit(founder, one), sign.admit(one, two), sign.admit(two, three), sign.admit(one, four)];
  const more = [
    sign.admit(founder, four, { seq: 2 }),
    sign.admit(founder, five, { seq: 3, ip: two.ip, name: two.name }),
  ];
  const cuts = [sign.revoke(founder, one, { seq: 4, lastGoodSeq: 1, keeps: [idOf(admits[1] ?? genesis.bytes)] })];
  const told = [genesis.bytes, ...admits, ...more, ...cuts, sign.leave(three)];
  const expected = JSON.stringify(judged(told));
  fc.assert(
    fc.property(shuffled(told), (order) => JSON.stringify(judged(order)) === expected),
    { numRuns: 10_000 },
  );
}, 60_000);

test("G-15: pieces that reach two machines by different ways, and are joined in either order, end in one membership", () => {
  const split = story.chain((told) => fc.tuple(fc.constant(told), fc.subarray(told), fc.subarray(told)));
  fc.assert(
    fc.property(split, ([told, left, right]) => {
      expect(judged([...left, ...right, ...told])).toEqual(judged([...told, ...right, ...left]));
    }),
    { numRuns: 50 },
  );
}, 60_000);

test("H-08, G-14: a key that is out stays out, whatever is heard later", () => {
  const parts = story.chain((told) => fc.tuple(fc.constant(told), fc.subarray(told.slice(1))));
  fc.assert(
    fc.property(parts, ([told, some]) => {
      const before = outOf([genesis.bytes, ...some]);
      const after = judged(told);
      expect(after.removed.map(({ identity }) => identity)).toEqual(expect.arrayContaining(before));
      for (const { identity } of after.members) expect(before).not.toContain(identity);
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("garbage, altered statements and the words of strangers change neither members nor who is out", () => {
  const strangers = Array.from({ length: 3 }, (_, number) => machine(`stranger${number}`));
  const [one, two, three] = strangers as [Machine, Machine, Machine];
  const foreign = genesisOf(one);
  const noise = [
    ...[foreign.bytes, new Signer(foreign.network).admit(one, founder), sign.admit(one, two), sign.admit(two, one)],
    ...[sign.revoke(three, founder), sign.leave(two), sign.rotate(one, three), sign.offer(founder, three)],
  ];
  const bits = fc.tuple(fc.nat(), fc.nat());
  const mixed = fc.tuple(story, fc.subarray(noise), fc.array(fc.uint8Array({ maxLength: 300 })), fc.array(bits));
  fc.assert(
    fc.property(mixed, ([told, said, bytes, flips]) => {
      const altered = flips.map(([which, bit]) => {
        const victim = told[which % told.length] as Buffer;
        return flip(victim, bit % (victim.length * 8));
      });
      const { members, removed } = judged([...altered, ...bytes, ...told, ...said]);
      expect({ members, removed }).toEqual(pick(judged(told)));
    }),
    { numRuns: 80 },
  );
}, 60_000);

test("whoever is a member has an unbroken chain of proofs, and those alone prove it", () => {
  fc.assert(
    fc.property(story, (told) => {
      const byId = new Map(told.map((bytes) => [idOf(bytes), bytes]));
      for (const { identity, proofs, chain } of judged(told).members) {
        const alone = judged([genesis.bytes, ...proofs.map((id) => byId.get(id) ?? Buffer.alloc(0))]);
        expect(alone.refused).toEqual([]);
        expect(alone.members.map((each) => each.identity)).toContain(identity);
        expect(chain[0] ?? identity).toBe(founder.identity);
      }
    }),
    { numRuns: 50 },
  );
}, 60_000);

function pick({ members, removed }: ReturnType<typeof judgeMembership>): object {
  return { members, removed };
}
