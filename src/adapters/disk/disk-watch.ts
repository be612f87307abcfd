import type { DiskExcess } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import { askFreeSpace, floorFor } from "./free-space.ts";
import type { FreeSpace } from "./free-space.ts";
import type { TreeSize } from "./measure-tree.ts";

/** A program whose disk use is looked at while it runs. */
export interface Watched {
  readonly limitBytes: number;
  /** A directory of the file system it writes to; undefined when that is not this machine's. */
  readonly place: string | undefined;
  /** Undefined when nobody can say just now. */
  measure(): Promise<TreeSize | undefined>;
  /** False ends the watch. */
  isRunning(): boolean;
}

export interface DiskWatch {
  /** Does nothing while the name is followed already; `prepare` is asked in the background. */
  follow(name: string, prepare: () => Promise<Watched>): void;
  excess(name: string): DiskExcess | undefined;
  /** Called again each second while a program is over. */
  listen(onExcess: (name: string) => void): Disposable;
  /** Looks at nothing any more. */
  close(): Promise<void>;
}

export const maxTreeEntries = 100_000;
const everyMs = 1_000;
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

  async function follow(name: string, prepare: () => Promise<Watched>): Promise<void> {
    try {
      await watch(await prepare(), { clock, signal: abort.signal, tell: (excess) => tell(name, excess) });
    } catch (error) {
      log.warn("the disk use of a program cannot be watched any more", { attempt: name, error });
    } finally {
      over.delete(name);
      followed.delete(name);
    }
  }

  return {
    follow(name, prepare): void {
      if (!followed.has(name) && !abort.signal.aborted) followed.set(name, follow(name, prepare));
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
  const freeAt = async (): Promise<FreeSpace | undefined> =>
    watched.place === undefined ? undefined : askFreeSpace(watched.place);
  const first = await freeAt();
  const floorBytes = first === undefined ? 0 : floorFor(first);
  const goesOn = (): boolean => !signal.aborted && watched.isRunning();
  while (goesOn()) {
    const sinceMs = clock.monotonicMs();
    const free = await freeAt();
    const look = { size: await watched.measure(), free };
    const tookMs = clock.monotonicMs() - sinceMs;
    const isOver = judgeSize(look.size, watched.limitBytes);
    tell(judgeFree(free, floorBytes) ?? isOver);
    const nextMs = clock.monotonicMs() + Math.max(everyMs, tookMs * restFactor);
    for (let now = free; goesOn() && !isWorthALook(look, now, watched.limitBytes);) {
      await clock.sleep(everyMs, signal);
      now = await freeAt();
      tell(judgeFree(now, floorBytes) ?? isOver);
      if (clock.monotonicMs() >= nextMs || isOver !== undefined) break;
    }
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
