import type { DiskExcess } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { askFreeSpace, floorFor } from "./free-space.ts";
import type { FreeSpace } from "./free-space.ts";
import type { TreeSize } from "./measure-tree.ts";

/** Where a running program writes, and how to find out how much. */
export interface Ground {
  /** A directory of the file system it writes to; undefined when that is not this machine's. */
  readonly place: string | undefined;
  /** Undefined when nobody can say just now. */
  measure(): Promise<TreeSize | undefined>;
}

export interface Watched {
  readonly name: string;
  readonly limitBytes: number;
  find(): Promise<Ground>;
  /** False ends the watch. */
  isRunning(): boolean;
}

export interface DiskWatch {
  /** Looks about once a second, in the background; does nothing while the name is followed already. */
  follow(watched: Watched): void;
  excess(name: string): DiskExcess | undefined;
  /** Called again each second while a program is over. */
  listen(onExcess: (name: string) => void): Disposable;
  /** Looks at nothing any more. */
  close(): Promise<void>;
}

export const maxTreeEntries = 100_000;
const everyMs = 1_000;
const firstLookMs = 250;
const againMs = 5_000;
/** A look may take a tenth of the time. */
const restFactor = 10;

export function createDiskWatch(parts: { readonly clock: Clock; readonly log: Logger }): DiskWatch {
  const { clock, log } = parts;
  const abort = new AbortController();
  const followed = new Map<string, Promise<void>>();
  const over = new Map<string, DiskExcess>();
  const listeners = new Set<(name: string) => void>();

  function tell(name: string, excess: DiskExcess | undefined): void {
    if (excess === undefined) return void over.delete(name);
    if (!over.has(name)) log.info("a program takes too much of the disk", { attempt: name, because: excess.message });
    over.set(name, excess);
    for (const listener of listeners) listener(name);
  }

  /** A watch that fails begins again: an engine that was away for a moment must not leave a program unwatched. */
  async function follow(watched: Watched): Promise<void> {
    const { name } = watched;
    while (!abort.signal.aborted && watched.isRunning()) {
      try {
        await watch(watched, { clock, signal: abort.signal, tell: (excess) => tell(name, excess) });
      } catch (error) {
        log.warn("the disk use of a program cannot be watched; trying again", { attempt: name, error });
        await clock.sleep(againMs, abort.signal);
      }
    }
    over.delete(name);
    followed.delete(name);
  }

  return {
    follow(watched): void {
      if (!followed.has(watched.name)) followed.set(watched.name, follow(watched));
    },
    excess: (name) => over.get(name),
    listen(onExcess): Disposable {
      listeners.add(onExcess);
      return { [Symbol.dispose]: () => void listeners.delete(onExcess) };
    },
    async close(): Promise<void> {
      abort.abort();
      await Promise.all(followed.values());
    },
  };
}

interface Watching {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly tell: (excess: DiskExcess | undefined) => void;
}

interface Look {
  readonly size: TreeSize | undefined;
  readonly free: FreeSpace | undefined;
}

async function watch(watched: Watched, { clock, signal, tell }: Watching): Promise<void> {
  // Many a program is over before there is anything to look at.
  await clock.sleep(firstLookMs, signal);
  if (signal.aborted || !watched.isRunning()) return;
  const { place, measure } = await watched.find();
  const freeAt = async (): Promise<FreeSpace | undefined> => (place === undefined ? undefined : askFreeSpace(place));
  const first = await freeAt();
  const floorBytes = first === undefined ? 0 : floorFor(first);
  const goesOn = (): boolean => !signal.aborted && watched.isRunning();
  while (goesOn()) {
    const sinceMs = clock.monotonicMs();
    const free = await freeAt();
    const look: Look = { size: await measure(), free };
    const tookMs = clock.monotonicMs() - sinceMs;
    const excess = judgeSize(look.size, watched.limitBytes);
    tell(excess ?? judgeFree(free, floorBytes));
    const nextMs = clock.monotonicMs() + Math.max(everyMs, tookMs * restFactor);
    let now: FreeSpace | undefined;
    do {
      await clock.sleep(everyMs, signal);
      now = await freeAt();
      tell(excess ?? judgeFree(now, floorBytes));
    } while (goesOn() && clock.monotonicMs() < nextMs && !isWorthALook(look, now, watched.limitBytes));
  }
}

function judgeFree(free: FreeSpace | undefined, floorBytes: number): DiskExcess | undefined {
  if (free === undefined || free.bytes >= floorBytes) return undefined;
  return {
    message: `only ${free.bytes} bytes are left on this machine's disk; programs are stopped below ${floorBytes}`,
  };
}

function judgeSize(size: TreeSize | undefined, limitBytes: number): DiskExcess | undefined {
  if (size === undefined) return undefined;
  if (size.bytes > limitBytes) {
    return { message: `the work directory takes ${size.bytes} bytes, more than its disk limit of ${limitBytes}` };
  }
  if (size.entries > maxTreeEntries)
    return { message: `the work directory holds more than ${maxTreeEntries} files and directories` };
  return size.tooDeep ? { message: "the work directory holds paths too long to be measured" } : undefined;
}

/** Whether the file system lost as much since the look as the program had left, whoever took it. */
function isWorthALook({ size, free: then }: Look, now: FreeSpace | undefined, limitBytes: number): boolean {
  if (size === undefined || then === undefined || now === undefined) return false;
  return then.bytes - now.bytes > limitBytes - size.bytes || then.files - now.files > maxTreeEntries - size.entries;
}
