import type { GossipTransport } from "../gossip/ports.ts";
import { nextDueMs, startGossip, type GossipInput, type GossipOutput, type GossipState } from "../gossip/state.ts";
import { stepGossip } from "../gossip/step.ts";
import type { Clock, Logger } from "../reconciler/types.ts";
import type { CrewLinks } from "./crew-links.ts";
import type { CrewMembers } from "./crew-members.ts";
import type { CrewSelf } from "./crew-self.ts";
import { openRecord, type SignedRecord } from "../trust/record.ts";

export interface CrewGossipOptions {
  /** Node id of this machine. */
  readonly own: string;
  readonly transport: GossipTransport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly members: Pick<CrewMembers, "all" | "isAdmitted">;
  readonly links: Pick<CrewLinks, "contradicts" | "beat">;
  readonly self: Pick<CrewSelf, "jumpPast">;
  /** A newer record of a member, through others. */
  readonly onHeard?: (signed: SignedRecord) => void;
}

/** Older news says where a machine was, not where it is. */
const hintMaxAgeMs = 3_600_000;
/** Whoever invents machines fills no memory. */
const maxIntroduced = 1_024;
const complaintMs = 60_000;

/**
 * Gives gossip links and a clock. What is learnt of a machine without a link is a hint where to dial it; only what it proves on
 * that link makes it a member.
 */
export class CrewGossip {
  readonly #options: CrewGossipOptions;
  readonly #receiving: Disposable;
  readonly #introduced = new Set<string>();
  #state: GossipState;
  #timer: AbortController | undefined;
  #timerMs = Infinity;
  #complainedMs = -Infinity;
  #isOpen = true;

  constructor(options: CrewGossipOptions) {
    this.#options = options;
    this.#state = startGossip({ own: options.own, open: openRecord });
    this.#receiving = options.transport.receive((from, message) => this.#receive(from, message));
  }

  /** Links or members have changed. */
  relinked(): void {
    const { transport, members } = this.#options;
    const admitted = members.all().filter((member) => member.admitted);
    this.#take({ kind: "links", linked: transport.neighbours(), members: admitted.map(({ node }) => node) });
  }

  /** The newest record of this machine; gossip decides whether it is worth telling. */
  offer(record: Uint8Array): void {
    const signed = openRecord(record);
    if (signed !== undefined) this.#take({ kind: "own", signed });
  }

  /** True: others told of this machine before it was met. */
  hasIntroduced(node: string): boolean {
    return this.#introduced.has(node);
  }

  close(): void {
    this.#isOpen = false;
    this.#timer?.abort();
    this.#receiving[Symbol.dispose]();
  }

  #receive(from: string, message: Uint8Array): void {
    if (!this.#state.links.has(from)) this.relinked();
    const before = this.#state.counts;
    this.#take({ kind: "message", from, message });
    const { garbage, forged } = this.#state.counts;
    const now = this.#options.clock.monotonicMs();
    if (garbage + forged === before.garbage + before.forged || now - this.#complainedMs < complaintMs) return;
    this.#complainedMs = now;
    this.#options.log.warn("gossip that cannot be believed is dropped", { from, garbage, forged });
  }

  #take(input: GossipInput): void {
    if (!this.#isOpen) return;
    const { clock, random } = this.#options;
    const { state, outputs } = stepGossip(this.#state, input, { nowMs: clock.monotonicMs(), random: random() });
    this.#state = state;
    for (const output of outputs) this.#act(output);
    this.#arm();
  }

  #act(output: GossipOutput): void {
    const { transport, links, self } = this.#options;
    switch (output.kind) {
      case "send":
        return transport.send(output.to, output.message);
      case "learnt":
        if (this.#options.members.isAdmitted(output.signed.record.node)) this.#options.onHeard?.(output.signed);
        return this.#follow(output.signed, output.heardMs);
      case "contradiction":
        return links.contradicts(output.node);
      case "outrun":
        if (self.jumpPast(output.bytes)) links.beat();
        return;
    }
  }

  #follow({ record: { node, endpoints } }: SignedRecord, heardMs: number): void {
    const { transport, clock, members } = this.#options;
    if (transport.neighbours().includes(node) || clock.monotonicMs() - heardMs > hintMaxAgeMs) return;
    if (!members.isAdmitted(node) && this.#introduced.size < maxIntroduced) this.#introduced.add(node);
    transport.hint(node, endpoints);
  }

  #arm(): void {
    const { clock } = this.#options;
    const dueMs = nextDueMs(this.#state);
    if (dueMs >= this.#timerMs || !Number.isFinite(dueMs) || !this.#isOpen) return;
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    this.#timerMs = dueMs;
    // Rounded up, so that a tick finds something to do.
    void clock.sleep(Math.max(1, Math.ceil(dueMs - clock.monotonicMs())), timer.signal).then(() => {
      if (timer.signal.aborted) return;
      this.#timerMs = Infinity;
      this.#take({ kind: "tick" });
    });
  }
}
