import { describe, expect, it, test } from "vitest";
import { Crew, type CrewOptions } from "./simulator/crew.ts";
import type { Machine } from "./simulator/machine.ts";
import { seedsOf } from "../support/seeds.ts";

/** A fifth of everything lost, much of it twice and out of order. */
const bad = { loss: 0.2, doubled: 0.1, delayMs: [5, 900] } as const;
/** Twelve digests of a quiet crew. */
const boundMs = 360_000;

interface Plan extends Pick<CrewOptions, "size" | "seed" | "degree"> {
  readonly troubles: number;
}

/** Starts, moves, splits, heals, stops and starts machines; then nothing more changes, and the network stays as bad. */
function live({ troubles, ...shape }: Plan): { readonly crew: Crew; readonly restored: ReadonlySet<string> } {
  const restored = new Set<string>();
  const crew = new Crew({ ...shape, network: bad });
  const pick = (fits: (machine: Machine) => boolean): Machine | undefined => {
    const machines = crew.machines.filter(fits);
    return machines[Math.floor(crew.random() * machines.length)];
  };
  const start = (machine: Machine | undefined, fromBackup: boolean): void => {
    if (machine === undefined) return;
    if (fromBackup) restored.add(machine.node);
    crew.start(machine, { fromBackup });
  };
  const deeds = [
    (): void => pick(({ isUp }) => isUp)?.move(),
    (): void => crew.split((_, index) => (index + Math.floor(crew.random() * 2)) % 2),
    (): void => crew.heal(),
    (): void => {
      const machine = pick(({ isUp }) => isUp);
      if (machine !== undefined) crew.stop(machine);
    },
    (): void =>
      start(
        pick(() => true),
        false,
      ),
    (): void =>
      start(
        pick(() => true),
        true,
      ),
    (): void => pick(({ isUp }) => isUp)?.offer(),
  ];
  for (let trouble = 0; trouble < troubles; trouble += 1) {
    deeds[Math.floor(crew.random() * deeds.length)]?.();
    crew.run(crew.random() * 8_000);
  }
  for (const machine of crew.machines) if (!machine.isUp) crew.start(machine);
  crew.heal();
  return { crew, restored };
}

function settle(crew: Crew): readonly string[] {
  crew.run(10_000);
  for (const machine of crew.machines) machine.beats = false;
  crew.run(boundMs, () => crew.disagreements().length === 0);
  return crew.disagreements();
}

describe.each([
  { size: 3, seeds: 8, troubles: 25 },
  { size: 10, seeds: 5, troubles: 25 },
  { size: 50, degree: 6, seeds: 2, troubles: 8 },
])("a crew of $size that loses, doubles, splits and restarts", ({ seeds, ...shape }) => {
  it.each(seedsOf(seeds))("G-15: agrees on everybody's newest record in the end (seed %i)", (seed) => {
    const { crew, restored } = live({ ...shape, seed });
    expect(settle(crew)).toEqual([]);
    // A home back from a backup may give a number a second time; nobody else ever does.
    const accused = crew.machines.flatMap(({ contradictions }) => [...contradictions]);
    expect(accused.filter((node) => !restored.has(node))).toEqual([]);
  });
});

test("the same seed does the same, to the byte", () => {
  const run = (seed: number): string => live({ size: 10, seed, troubles: 10 }).crew.trace;
  expect(run(7)).toBe(run(7));
  expect(run(7)).not.toBe(run(8));
});

test("a quiet crew of 50 sends little, in messages of at most 64 KiB", () => {
  const crew = new Crew({ size: 50, seed: 1, degree: 8, network: { loss: 0, doubled: 0, delayMs: [5, 50] } });
  crew.run(30_000);
  expect(crew.disagreements()).toEqual([]);
  const { bytes } = crew.sent;
  crew.run(100_000);
  expect((crew.sent.bytes - bytes) / 50 / 100).toBeLessThan(600);
  expect(crew.sent.largest).toBeLessThanOrEqual(64 * 1024);
});

test("a machine back from a backup takes a number past the one that others remember", () => {
  const crew = new Crew({ size: 4, seed: 3, network: { loss: 0, doubled: 0, delayMs: [5, 50] } });
  const [machine] = crew.machines;
  if (machine === undefined) throw new Error("an empty crew");
  for (let start = 0; start < 3; start += 1) crew.start(machine);
  crew.run(20_000);
  expect(machine.own?.record.boot).toBe(4);
  crew.start(machine, { fromBackup: true });
  crew.run(20_000);
  expect(machine.own?.record.boot).toBeGreaterThan(4);
  expect(settle(crew)).toEqual([]);
});

test("who is cut off is forgotten by nobody", () => {
  const crew = new Crew({ size: 5, seed: 4, network: { loss: 0, doubled: 0, delayMs: [5, 50] } });
  crew.run(20_000);
  const [gone] = crew.machines;
  if (gone === undefined) throw new Error("an empty crew");
  crew.stop(gone);
  crew.run(1_200_000);
  const others = crew.machines.filter(({ isUp }) => isUp);
  expect(others.map(({ state }) => state.registers.size)).toEqual([5, 5, 5, 5]);
});
