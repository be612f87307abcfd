import fc from "fast-check";
import { expect, test } from "vitest";
import { ann, annBob, bob, contentsFor, eve, forge, mal, nowMs, refusalOf } from "./invite-kit.ts";
import { requestOf, sign, text64 } from "./invite-kit.ts";
import { flip, genesisOf, zeros } from "./kit.ts";

const pending = requestOf(eve);
const reader = { ...pending, nowMs };
const day = 24 * 3_600_000;
const foreign = genesisOf(mal, { networkName: "crew" });
const [peer] = contentsFor(pending.request).peers;
const withPeer = (changes: object): object =>
  contentsFor(pending.request, { peers: [{ ...peer, ...changes } as never] });
test.each([
  [
    "H-12: an address somebody has",
    contentsFor(pending.request, { assigned_ip: ann.ip }, { ip: ann.ip }),
    "assigned_ip is in use",
  ],
  [
    "H-12: an address outside the network",
    contentsFor(pending.request, { assigned_ip: "10.9.0.9" }, { ip: "10.9.0.9" }),
    "assigned_ip is outside",
  ],
  [
    "another address than its Admit",
    contentsFor(pending.request, { assigned_ip: "10.77.1.1" }),
    "admit has another ip",
  ],
  [
    "H-13: 257 peers",
    contentsFor(pending.request, { peers: Array.from({ length: 257 }, () => ({})) as never }),
    "peers is no list of at most 256",
  ],
  [
    "H-13: a chain of a thousand",
    contentsFor(pending.request, { chain: Array.from({ length: 1_000 }, () => "AA") }),
    "chain is no list",
  ],
  [
    "a forged statement in its chain",
    contentsFor(pending.request, { chain: [text64(flip(annBob, 900))] }),
    "chain holds a statement that has a forged",
  ],
  [
    "a Genesis of another name",
    contentsFor(pending.request, { network_name: "crow" }),
    "network_name is not that of the genesis",
  ],
  [
    "H-16: the Genesis of another network",
    contentsFor(pending.request, { genesis: text64(foreign.bytes) }),
    "admit has another network",
  ],
  ["an Admit for a Genesis", contentsFor(pending.request, { genesis: text64(annBob) }), "genesis is another statement"],
  [
    "a Leave for an Admit",
    contentsFor(pending.request, { admit: text64(sign.leave(bob)) }),
    "admit is another statement",
  ],
  [
    "the Admit of another machine",
    contentsFor(pending.request, { admit: text64(sign.offer(bob, mal, { ip: eve.ip })) }),
    "admit has another subject",
  ],
  [
    "another tunnel key than was asked for",
    contentsFor(pending.request, {}, { wireguardKey: mal.wireguardKey }),
    "admit has another wireguardKey",
  ],
  ["the answer to another request", contentsFor(pending.request, {}, { request: zeros }), "admit has another request"],
  [
    "another's name as inviter",
    contentsFor(pending.request, { invited_by: ann.node }),
    "invited_by is not who signed it",
  ],
  ["no lifetime", contentsFor(pending.request, { expires_at: nowMs }), "expires_at is no number"],
  ["a lifetime of a year", contentsFor(pending.request, { expires_at: nowMs + 365 * day }), "expires_at is no number"],
  ["an empty group secret", contentsFor(pending.request, { group_secret: "" }), "group_secret is not of its form"],
  [
    "G-10: a line break in the group secret",
    contentsFor(pending.request, { group_secret: "a\nb" }),
    "group_secret is not of its form",
  ],
  ["G-08: a loopback endpoint", withPeer({ endpoints: ["127.0.0.1:51820"] }), "endpoints is an address where no peer"],
  ["G-10: a command in a peer's name", withPeer({ name: "x\nPostUp = touch /x" }), "name is not of its form"],
  ["A5: a range as a peer's address", withPeer({ ip: "0.0.0.0/0" }), "ip is not of its form"],
  ["one peer twice", contentsFor(pending.request, { peers: [peer, peer] as never }), "peers name something twice"],
  ["G-11: a doubled key", '{"genesis":"","genesis":""}', "the message is no object"],
  ["G-11: __proto__", '{"__proto__":{}}', "the message is no object"],
  ["G-11: ten thousand brackets", "[".repeat(10_000), "the message is no object"],
  ["nothing in it", "{}", "issued_at is no number"],
])("a well sealed and signed invite with %s is refused", async (_, contents, problem) => {
  const message = await refusalOf(await forge(contents, pending.request), reader);
  expect(message).toMatch(/^the invite is refused: /);
  expect(message).toContain(problem);
});

test("no contents that a malicious member seals make the reader fail with anything but InviteRejected", async () => {
  const sound = contentsFor(pending.request);
  const fields = fc.record(
    Object.fromEntries(Object.keys(sound).map((name) => [name, fc.oneof(fc.jsonValue(), fc.constant(undefined))])),
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fields.map((each) => ({ ...sound, ...each })),
        fc.jsonValue(),
      ),
      async (contents) => {
        const problem = await refusalOf(await forge(JSON.stringify(contents) ?? "null", pending.request), reader);
        expect(problem.length).toBeLessThan(300);
        expect(problem).not.toMatch(/\p{C}/u);
      },
    ),
    { numRuns: 200 },
  );
}, 60_000);
