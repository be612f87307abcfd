import { judgeMembership, type Membership } from "../../../src/trust/membership/judge-membership.ts";
import { maxChain } from "../../../src/trust/membership/place-members.ts";
import { decodeWord, encodeWords, maxStatements } from "../../../src/trust/membership/exchange.ts";
import { signBytes } from "../../../src/trust/membership/keys.ts";
import {
  consentTo,
  maxStatementBytes,
  openStatement,
  type Statement,
} from "../../../src/trust/membership/statement.ts";
import { genesisOf, idOf, machine, Signer, type Machine } from "../../trust/membership/kit.ts";
import type { Dice } from "../dice.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import { mutateJson } from "../mutate-json.ts";
import { dnsLabel, jsonOf, must, mustBeSayable, mutants, pack, unpack, type FuzzTarget } from "../target.ts";

const crew = Array.from({ length: 6 }, (_, index) => machine(`m${index}`)) as [Machine, ...Machine[]];
const [founder] = crew;
const genesis = genesisOf(founder);
const sign = new Signer(genesis.network);
const headBytes = 161;

/** Some of every kind, all sound. */
const told: readonly Buffer[] = tellAll();

function tellAll(): readonly Buffer[] {
  const [, one, two, three, four, five] = crew as [Machine, Machine, Machine, Machine, Machine, Machine];
  const admits = [sign.admit(founder, one), sign.admit(one, two), sign.admit(two, three, { seq: 2 })];
  const more = [sign.admit(founder, four, { seq: 2 }), sign.rotate(four, five), sign.leave(three)];
  const cuts = [sign.revoke(founder, two, { seq: 3, lastGoodSeq: 2, keeps: admits.map(idOf) }), sign.revoke(one, two)];
  return [genesis.bytes, ...admits, ...more, ...cuts];
}

/** Any payload, signed by one of the crew and consented to by whom it names, as a member's own program could. */
function signed(payload: Buffer, dice: Dice): Buffer {
  const { identityKey, raw } = dice.pick(crew);
  const signature = signBytes(identityKey, "homie/statement/1", raw, payload);
  const bytes = Buffer.concat([Buffer.from([1]), raw, signature, Buffer.alloc(64), payload]);
  const { subject, successor } = (jsonOf(payload) ?? {}) as Record<string, unknown>;
  const partner = crew.find(({ identity }) => identity === subject || identity === successor);
  return partner === undefined ? bytes : consentTo(bytes, partner.identityKey);
}

function liarsStatement(dice: Dice): Buffer {
  const payload = dice.pick(told).subarray(headBytes);
  const changed = Buffer.from(JSON.stringify(mutateJson(jsonOf(payload), dice)));
  return signed(dice.chance(80) ? changed : mutateBytes(dice, [payload]), dice);
}

/** Members who admit, revoke and rotate at random, with true signatures. */
function deed(dice: Dice): Buffer {
  const [by, to] = [dice.pick(crew), dice.pick(crew)];
  const seq = 1 + dice.below(5);
  const cut = { seq, lastGoodSeq: dice.below(6), keeps: told.filter(() => dice.chance(30)).map(idOf) };
  const kind = dice.below(8);
  if (kind < 5) return sign.admit(by, to, { seq, ...(dice.chance(20) ? { ip: dice.pick(crew).ip, name: "m1" } : {}) });
  return kind === 5 ? sign.revoke(by, to, cut) : kind === 6 ? sign.rotate(by, to, cut) : sign.leave(by, cut);
}

export function statementTarget(): FuzzTarget {
  return {
    name: "statement",
    share: 12,
    sources: [mutants(told), liarsStatement],
    check(input) {
      const opened = openStatement(input);
      if (typeof opened === "string") {
        mustBeSayable(opened);
        return "refused";
      }
      must(input.length <= maxStatementBytes && opened.id.length === 43, "a statement of no size");
      must(opened.issuer === Buffer.from(input.subarray(1, 33)).toString("base64url"), "another issuer");
      mustBeSound(opened.statement);
      return "accepted";
    },
  };
}

function mustBeSound(statement: Statement): void {
  if ("name" in statement) must(dnsLabel.test(statement.name), "a name that is no DNS label");
  // Whether it is an address of the network is seen where the Genesis is known: see mustAgree.
  if ("ip" in statement) must(/^[0-9.]{7,15}$/.test(statement.ip), "an address that is none");
  if ("seq" in statement) must(Number.isSafeInteger(statement.seq) && statement.seq >= 1, "a number out of range");
  if ("keeps" in statement) must(statement.keeps.length <= 65, "a cut without end");
}

export function membershipTarget(): FuzzTarget {
  return {
    name: "membership",
    share: 1,
    sources: [
      (dice) => pack([genesis.bytes, ...Array.from({ length: dice.size(14) }, () => deed(dice))]),
      (dice) =>
        pack([
          ...told.filter(() => dice.chance(80)),
          ...Array.from({ length: dice.size(4) }, () => liarsStatement(dice)),
        ]),
      mutants([pack(told)]),
    ],
    check(input) {
      const pile = unpack(input).slice(0, 40);
      const judged = judgeMembership(genesis.network, pile);
      const shuffled = judgeMembership(genesis.network, [...pile.toReversed(), ...pile.slice(0, 3)]);
      must(JSON.stringify(shuffled) === JSON.stringify(judged), "another order, another membership");
      mustAgree(judged, pile);
      return judged.members.length > 1 ? "accepted" : "refused";
    },
  };
}

function mustAgree({ members, removed, refused }: Membership, pile: readonly Buffer[]): void {
  const gone = new Set(removed.map(({ identity }) => identity));
  for (const field of ["identity", "name"] as const)
    must(new Set(members.map((each) => each[field])).size === members.length, `one ${field} twice`);
  for (const field of ["ip", "wireguardKey"] as const) {
    const held = members.filter(({ lost }) => !lost.includes(field)).map((each) => each[field]);
    must(new Set(held).size === held.length, `one ${field} twice`);
  }
  must(
    members.every(({ identity, chain }) => !gone.has(identity) && chain.length <= maxChain),
    "a member that is out",
  );
  must(
    members.every(({ name }) => dnsLabel.test(name)),
    "a name that is no DNS label",
  );
  for (const { reason } of refused) mustBeSayable(reason);
  const some = judgeMembership(genesis.network, [genesis.bytes, ...pile.slice(0, pile.length >> 1)]);
  const hasGenesis = pile.some((bytes) => bytes.equals(genesis.bytes));
  must(!hasGenesis || some.removed.every(({ identity }) => gone.has(identity)), "somebody who was out is back");
}

/** What members tell each other about their network. */
export function exchangeTarget(): FuzzTarget {
  const ids = told.map(idOf);
  const digest = Buffer.alloc(16, 5).toString("base64url");
  const words = [
    ...encodeWords({ kind: "statements", statements: told }),
    ...encodeWords({ kind: "ids", ids }),
    ...encodeWords({ kind: "digest", digest }),
    ...encodeWords({ kind: "secret", number: 2, secret: "correct horse" }),
  ];
  return {
    name: "exchange",
    share: 20,
    sources: [mutants(words)],
    check(input) {
      const word = decodeWord(input);
      if (word === undefined) return "refused";
      if (word.kind === "ids") must(word.ids.length <= maxStatements, "a list without end");
      if (word.kind === "statements")
        must(
          word.statements.every(({ length }) => length > 0 && length <= maxStatementBytes),
          "a statement of no size",
        );
      if (word.kind === "secret") must(!/[\p{C}]/u.test(word.secret), "a secret with control characters");
      const again = Buffer.concat(encodeWords(word));
      must(
        word.kind === "statements" || word.kind === "secret" || again.equals(input),
        "a word that is written otherwise",
      );
      return "accepted";
    },
  };
}
