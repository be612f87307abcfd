import { keyOf } from "../../../src/gossip/register.ts";
import { stepGossip } from "../../../src/gossip/step.ts";
import { nextDueMs, startGossip, type GossipInput, type GossipState } from "../../../src/gossip/state.ts";
import type { SignedRecord } from "../../../src/trust/record.ts";
import type { Agenda } from "./agenda.ts";
import { openCheaply, recordOf, signCheaply } from "./cheap-records.ts";

const heartbeatMs = 2_000;

export interface MachineOptions {
  readonly node: string;
  readonly agenda: Agenda;
  readonly random: () => number;
  readonly send: (to: string, message: Uint8Array) => void;
  readonly onLearnt?: (signed: SignedRecord) => void;
}

/** One machine of the simulated crew: a gossip state, a clock of its own and a heartbeat. */
export class Machine {
  readonly node: string;
  readonly #options: MachineOptions;
  state: GossipState;
  isUp = false;
  /** Linked machines as this one believes. */
  linked: readonly string[] = [];
  contradictions = new Set<string>();
  /** Figures move with each heartbeat, as long as it beats. */
  beats = true;
  #life = 0;
  #boot = 0;
  #seq = 0;
  #place = 0;
  #wakeMs = Infinity;
  #clock = { startMs: 0, rate: 1 };

  constructor(options: MachineOptions) {
    this.#options = options;
    this.node = options.node;
    this.state = startGossip({ own: options.node, open: openCheaply });
  }

  /** With nothing in memory, and a monotonic clock that began anywhere. */
  start(options: { readonly fromBackup?: boolean } = {}): void {
    const { random } = this.#options;
    this.#boot = options.fromBackup === true ? 1 : this.#boot + 1;
    this.#seq = 0;
    this.#clock = { startMs: random() * 1e12, rate: 0.98 + random() * 0.04 };
    this.state = startGossip({ own: this.node, open: openCheaply });
    this.isUp = true;
    this.#life += 1;
    this.#wakeMs = Infinity;
    this.offer();
    const life = this.#life;
    this.#options.agenda.at(this.#options.agenda.nowMs + random() * heartbeatMs, () => this.#beat(life));
  }

  stop(): void {
    this.isUp = false;
    this.#life += 1;
  }

  relink(linked: readonly string[]): void {
    this.linked = linked;
    if (this.isUp) this.take({ kind: "links", linked, members: linked });
  }

  /** It is somewhere else now: news to everybody. */
  move(): void {
    this.#place += 1;
    this.offer();
  }

  /** The newest record it gave itself. */
  get own(): SignedRecord | undefined {
    return this.state.registers.get(keyOf(this.node))?.signed;
  }

  offer(facts: { readonly seq?: number; readonly jobs?: number } = {}): void {
    if (facts.seq === undefined) this.#seq += 1;
    const record = recordOf({
      ...{ node: this.node, boot: this.#boot, seq: facts.seq ?? this.#seq, jobs: facts.jobs ?? this.#seq % 7 },
      cpuUsedPercent: this.#seq % 100,
      endpoints: [`10.${this.#place % 256}.1.20:5556`, "[fd00::1234:5678:9abc:def0]:5556"],
    });
    const signed = openCheaply(signCheaply(record));
    if (signed !== undefined) this.take({ kind: "own", signed });
  }

  take(input: GossipInput): void {
    const { agenda, random, send, onLearnt } = this.#options;
    const { startMs, rate } = this.#clock;
    const nowMs = startMs + agenda.nowMs * rate;
    const { state, outputs } = stepGossip(this.state, input, { nowMs, random: random() });
    this.state = state;
    let outrun: Uint8Array | undefined;
    for (const output of outputs) {
      if (output.kind === "send") send(output.to, output.message);
      else if (output.kind === "learnt") onLearnt?.(output.signed);
      else if (output.kind === "contradiction") this.contradictions.add(output.node);
      else outrun = output.bytes;
    }
    this.#schedule((nextDueMs(state) - startMs) / rate);
    if (outrun !== undefined) this.#jumpPast(outrun);
  }

  #jumpPast(bytes: Uint8Array): void {
    const shown = openCheaply(bytes)?.record;
    if (shown === undefined || shown.boot < this.#boot || (shown.boot === this.#boot && shown.seq <= this.#seq)) return;
    this.#boot = shown.boot + 1;
    this.#seq = 0;
    this.offer();
  }

  #schedule(dueMs: number): void {
    const { agenda } = this.#options;
    // A little late, so that rounding never makes a tick come too early and again.
    const atMs = Math.max(dueMs, agenda.nowMs) + 0.01;
    if (atMs >= this.#wakeMs || !Number.isFinite(atMs)) return;
    this.#wakeMs = atMs;
    const life = this.#life;
    agenda.at(atMs, () => {
      if (life !== this.#life || this.#wakeMs !== atMs) return;
      this.#wakeMs = Infinity;
      this.take({ kind: "tick" });
    });
  }

  #beat(life: number): void {
    if (life !== this.#life) return;
    const { agenda } = this.#options;
    if (this.beats) this.offer();
    agenda.at(agenda.nowMs + heartbeatMs, () => this.#beat(life));
  }
}
