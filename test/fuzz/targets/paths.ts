import { decodeMessage, encodeMessage, maxRelays, maxSeen, type Message } from "../../../src/paths/message.ts";
import {
  decodePathFrame,
  encodePathFrame,
  openLetter,
  sealLetter,
  type PathFrame,
} from "../../../src/trust/path-message.ts";
import { machine } from "../../trust/membership/kit.ts";
import type { Dice } from "../dice.ts";
import { jsonMutants, must, mutants, type FuzzTarget } from "../target.ts";

const [alice, bob, mal] = [machine("alice"), machine("bob"), machine("mal")];
const said: readonly Message[] = [
  {
    ...{ session: "0123456789ab", peerSession: "", number: 1, acknowledged: 0, asks: true },
    body: {
      ...{ decision: undefined, done: 0, alive: false, attempt: undefined, observed: undefined },
      ...{ seen: [], relays: [] },
    },
  },
  {
    ...{ session: "0123456789ab", peerSession: "ba9876543210", number: 70, acknowledged: 69, asks: false },
    body: {
      ...{ decision: { number: 3, route: "straight" }, done: 3, alive: true, observed: "203.0.113.5:51820" },
      attempt: { number: 2, kind: "seen", index: 1, isLeaderFirst: true },
      seen: ["203.0.113.5:51820", "[2001:db8::5]:51820"],
      relays: [[bob.node, 12.5]],
    },
  },
];
const messages = said.map(encodeMessage);
const lists = messages.map((bytes): unknown => JSON.parse(Buffer.from(bytes).toString()));

/** What members of a mesh tell each other about the ways between them. */
export function pathMessageTarget(): FuzzTarget {
  return {
    name: "path-message",
    share: 30,
    sources: [mutants(messages), jsonMutants(lists)],
    check(input) {
      const message = decodeMessage(input);
      if (message === undefined) return "refused";
      const { number, acknowledged, body } = message;
      const numbers = [number, acknowledged, body.done, body.decision?.number ?? 0, body.attempt?.number ?? 0];
      must(
        numbers.every((each) => Number.isSafeInteger(each) && each >= 0),
        "a number out of range",
      );
      must(body.seen.length <= maxSeen && body.relays.length <= maxRelays, "more than a message may hold");
      must(
        [...body.seen, body.observed ?? ""].every((each) => /^[0-9A-Fa-f.:[\]]{0,47}$/.test(each)),
        "a place that is no address",
      );
      const again = decodeMessage(encodeMessage(message));
      must(JSON.stringify(again) === JSON.stringify(message), "a message that is written otherwise");
      return "accepted";
    },
  };
}

/** What a link carries for a message, and letters that went through somebody else's hands. */
export function pathFrameTarget(): FuzzTarget {
  const message = messages[1] ?? Buffer.alloc(1);
  const letter = sealLetter(message, bob.node, alice.identityKey);
  const frames: readonly PathFrame[] = [
    { kind: "direct", message },
    { kind: "forward", to: bob.node, letter },
    { kind: "forwarded", from: alice.node, letter },
  ];
  /** Of a member that passes on what it likes: its own words under the name of alice, or those of alice to somebody else. */
  const forged = (dice: Dice): Buffer => {
    const to = dice.pick([bob.node, mal.node]);
    const author = dice.pick([mal, alice]);
    const words = dice.chance(50) ? message : dice.bytes(dice.size(200));
    return encodePathFrame({ kind: "forwarded", from: alice.node, letter: sealLetter(words, to, author.identityKey) });
  };
  return {
    name: "path-frame",
    share: 10,
    sources: [mutants(frames.map(encodePathFrame)), forged],
    check(input) {
      const frame = decodePathFrame(input);
      if (frame === undefined) return "refused";
      must(encodePathFrame(frame).equals(input), "a frame that is written otherwise");
      if (frame.kind === "direct") return "accepted";
      const opened = openLetter(frame.letter, alice.raw, bob.node);
      if (opened === undefined) return "refused";
      must(sealLetter(opened, bob.node, alice.identityKey).equals(frame.letter), "a letter that alice did not write");
      return "accepted";
    },
  };
}
