import { Dice } from "./dice.ts";
import type { FuzzTarget, Verdict } from "./target.ts";

const defaultMaxCpuMs = 1_000;
/** A pause of the garbage collector or the first compilation is not the input's fault. */
const slowTries = 4;

export interface Find {
  readonly target: string;
  readonly seed: number;
  /** Number of the input within its target. */
  readonly index: number;
  readonly message: string;
  readonly input: Uint8Array;
}

/** The same for ever from seed, target and number, in whatever run. */
export function inputOf(target: FuzzTarget, seed: number, index: number): Uint8Array {
  const dice = new Dice(seed, target.name, index);
  return dice.pick(target.sources)(dice);
}

/** Checks one input; a Find when an invariant broke, something unexpected was thrown, or it took too long. */
export async function tryInput(target: FuzzTarget, seed: number, index: number): Promise<Verdict | Find> {
  const input = inputOf(target, seed, index);
  const find = (message: string): Find => ({ target: target.name, seed, index, message, input });
  const maxCpuMs = target.maxCpuMs ?? defaultMaxCpuMs;
  try {
    for (let tries = 1; ; tries += 1) {
      const before = cpuMs();
      const verdict = await target.check(input);
      const spent = cpuMs() - before;
      if (spent <= maxCpuMs) return verdict;
      if (tries === slowTries) return find(`took ${Math.round(spent)} ms of the processor, more than ${maxCpuMs}`);
    }
  } catch (error) {
    return find(error instanceof Error ? shortStack(error) : `threw ${String(error)}`);
  }
}

/** Of this thread alone: what else the machine does is no reason to fail. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function shortStack({ name, message, stack = "" }: Error): string {
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return [`${name}: ${message}`, ...frames.slice(0, 6)].join("\n");
}
