import { duplexPair } from "node:stream";
import { onTestFinished } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { Link } from "../../../src/adapters/tls/link.ts";
import { MeshExchange } from "../../../src/daemon/mesh/mesh-exchange.ts";
import type { Machine } from "./kit.ts";

const quiet = (): void => {};
const nobody = {
  identity: Buffer.alloc(32),
  remoteAddress: "203.0.113.5",
  remotePort: 5556,
  localAddress: "203.0.113.6",
};

/** A machine that exchanges over links, as long as the test runs. */
export class Talker {
  readonly links: Link[] = [];
  readonly warnings: string[] = [];
  /** Every word that came from others. */
  readonly heard: Uint8Array[] = [];
  readonly exchange: MeshExchange;
  readonly who: Machine;

  constructor(who: Machine) {
    this.who = who;
    const log = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (message: string) => void this.warnings.push(message),
    };
    const options = { book: who.book, clock: systemClock, random: Math.random, log, links: () => this.links };
    this.exchange = new MeshExchange(options);
    onTestFinished(() => this.exchange.close());
  }

  get names(): readonly string[] {
    return this.who.book.membership.members.map(({ name }) => name).toSorted();
  }
}

/** A link between both, admitted where the book says so after what came first. */
export function connect(one: Talker, other: Talker): readonly [Link, Link] {
  const [left, right] = duplexPair();
  const open = (self: Talker, peer: Talker, socket: typeof left): Link => {
    const { node } = peer.who.book;
    const link = new Link({ socket, peer: { ...nobody, node }, dialled: true, nowMs: () => 0, allow: () => true });
    const isMember = (): boolean => self.who.book.memberOf(node) !== undefined;
    const ignore = (): void => {};
    link.start(
      {
        ...{ record: ignore, gossip: ignore, rtt: ignore, known: ignore, path: ignore, closed: ignore },
        membership: (word) => {
          self.heard.push(Uint8Array.from(word));
          self.exchange.take(link, word, isMember());
        },
      },
      Buffer.alloc(0),
    );
    return link;
  };
  const links = [open(one, other, left), open(other, one, right)] as const;
  one.links.push(links[0]);
  other.links.push(links[1]);
  one.exchange.greet(links[0]);
  other.exchange.greet(links[1]);
  return links;
}
