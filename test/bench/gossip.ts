import { Crew } from "../gossip/simulator/crew.ts";

/**
 * Gossip in virtual time: `node test/bench/gossip.ts [SIZE ...]`. Machines with about 8 links each, 5 % loss, 20 to 80 ms one
 * way, heartbeats every 2 s that change figures each time. Bytes are those of gossip messages; TLS and TCP add about 90 a
 * message.
 */
const network = { loss: 0.05, doubled: 0.01, delayMs: [20, 80] } as const;
const limitMs = 120_000;
const quietMs = 120_000;
const moves = 20;

function measure(size: number): void {
  const started = performance.now();
  let waiting = new Set<string>();
  let place = "";
  const crew = new Crew({
    ...{ size, seed: 1, network, degree: 8 },
    onLearnt: (node, { record }) => {
      if (record.endpoints[0] === place) waiting.delete(node);
    },
  });
  crew.run(limitMs, () => crew.machines.every(({ state }) => state.registers.size === size));
  const coldMs = crew.agenda.nowMs;
  // As if they had run for long: each is somewhere between two refreshes.
  for (const machine of crew.machines) machine.state = { ...machine.state, refreshShare: crew.random() };
  crew.run(60_000);
  const before = { ...crew.sent };
  crew.run(quietMs);
  const bytes = (crew.sent.bytes - before.bytes) / size / (quietMs / 1_000);
  const messages = (crew.sent.messages - before.messages) / size / (quietMs / 1_000);
  const times: number[] = [];
  for (let move = 0; move < moves; move += 1) {
    const machine = crew.machines[(move * 7_919) % size];
    if (machine === undefined) throw new Error("an empty crew");
    const fromMs = crew.agenda.nowMs;
    waiting = new Set(crew.machines.map(({ node }) => node));
    waiting.delete(machine.node);
    machine.move();
    place = machine.own?.record.endpoints[0] ?? "";
    crew.run(limitMs, () => waiting.size === 0);
    times.push(waiting.size === 0 ? crew.agenda.nowMs - fromMs : Infinity);
  }
  times.sort((a, b) => a - b);
  const seconds = (ms: number | undefined): string => `${((ms ?? NaN) / 1_000).toFixed(2)} s`;
  console.log(
    `${size} machines: all start at once, everybody knows everybody after ${seconds(coldMs)}; ` +
      `one moves, all know after ${seconds(times[moves >> 1])} p50, ${seconds(times.at(-1))} worst of ${moves}; ` +
      `quiet: ${bytes.toFixed(0)} B/s and ${messages.toFixed(2)} messages/s a machine; ` +
      `largest message ${crew.sent.largest} B (${seconds(performance.now() - started)} of real time)`,
  );
}

const sizes = process.argv.slice(2).map(Number);
for (const size of sizes.length === 0 ? [50, 1_000] : sizes) measure(size);
