import type { LogFrame } from "../logs/types.ts";
import type { Attempt } from "../resources/attempt.ts";
import type { Job } from "../resources/job.ts";
import type { ApiPorts } from "./ports.ts";
import { createLogTail } from "./log-tail.ts";

/** Reads the log of one Job, attempt after attempt. */
export interface LogWalk {
  /** The attempt to begin with; undefined when there is none yet. */
  first(): Attempt | undefined;
  /** False for an attempt that ended before anything was captured. */
  hasLog(attempt: Attempt): Promise<boolean>;
  /** The last lines of an attempt, and where to go on. */
  tail(attempt: Attempt, lines: number, wants: (frame: LogFrame) => boolean): Promise<LogPart>;
  /** All frames from there on; with `follow`, of later attempts too, until the Job is finished. */
  frames(from: {
    readonly attempt: Attempt | undefined;
    readonly offset: number;
    readonly isRead: boolean;
  }): AsyncGenerator<LogFrame>;
}
export interface LogPart {
  readonly frames: readonly LogFrame[];
  readonly nextOffset: number;
  /** The eof frame was among them. */
  readonly isComplete: boolean;
}
export interface LogWish {
  readonly follow: boolean;
  /** Only this attempt. */
  readonly attempt: number | undefined;
  /** This attempt and those after it. */
  readonly fromAttempt: number | undefined;
  readonly from: number;
}

export function createLogWalk(ports: ApiPorts, job: Job, wish: LogWish, signal: AbortSignal): LogWalk {
  const { logs } = ports;
  const attempts = createAttemptFinder({ ports, job, signal });
  return {
    first() {
      if (wish.attempt !== undefined) return attempts.all().find((attempt) => attempt.spec.attempt === wish.attempt);
      const minimum = wish.fromAttempt;
      return minimum === undefined
        ? attempts.all().at(-1)
        : attempts.all().find((attempt) => attempt.spec.attempt >= minimum);
    },
    hasLog: (attempt) => hasLog(ports, attempt, signal),
    async tail(attempt, lines, wants) {
      const tail = createLogTail(lines);
      let nextOffset = wish.from;
      let isComplete = false;
      for await (const frame of logs.read(attempt, { from: wish.from, follow: false, signal })) {
        nextOffset = frame.nextOffset;
        isComplete = frame.stream === "eof";
        if (wants(frame)) tail.push(frame);
      }
      return { frames: tail.frames(), nextOffset, isComplete };
    },
    async *frames({ attempt: first, offset, isRead }) {
      if (!wish.follow) {
        if (first !== undefined && !isRead) yield* logs.read(first, { from: offset, follow: false, signal });
        return;
      }
      using changes = countChanges(ports, job, signal);
      let attempt = first ?? (await attempts.await(wish.fromAttempt ?? 1, changes));
      if (attempt !== undefined && !isRead) yield* followAttempt({ ports, job, signal }, attempt, offset, changes);
      while (attempt !== undefined && wish.attempt === undefined && !signal.aborted) {
        attempt = await attempts.await(attempt.spec.attempt + 1, changes);
        if (attempt !== undefined) yield* followAttempt({ ports, job, signal }, attempt, 0, changes);
      }
    },
  };
}

interface WalkParts {
  readonly ports: ApiPorts;
  readonly job: Job;
  readonly signal: AbortSignal;
}
interface AttemptFinder {
  /** In the order of their numbers. */
  all(): readonly Attempt[];
  /** The next attempt numbered `minimum` or more, once there is one; undefined when there will be none. */
  await(minimum: number, changes: ChangeCounter): Promise<Attempt | undefined>;
}

function createAttemptFinder({ ports, job, signal }: WalkParts): AttemptFinder {
  const { name, uid } = job.metadata;
  const all = (): readonly Attempt[] =>
    ports.store
      .list<Attempt>("Attempt")
      .filter((attempt) => attempt.spec.job.uid === uid)
      .toSorted((a, b) => a.spec.attempt - b.spec.attempt);
  const isFinished = (): boolean => {
    const newest = ports.store.get<Job>({ kind: "Job", name });
    return newest === undefined || newest.metadata.uid !== uid || isFinishedJob(newest);
  };
  return {
    all,
    async await(minimum, changes) {
      for (;;) {
        const seen = changes.count();
        const found = all().find((attempt) => attempt.spec.attempt >= minimum);
        if (found !== undefined || isFinished() || signal.aborted) return found;
        await changes.after(seen);
      }
    },
  };
}

/** Waits for a log that is not there yet, but not for one that will never be: its attempt ended without it. */
async function* followAttempt(
  { ports, signal }: WalkParts,
  attempt: Attempt,
  offset: number,
  changes: ChangeCounter,
): AsyncGenerator<LogFrame> {
  const waiting = new AbortController();
  let hasBegun = false;
  const giveUp = async (): Promise<void> => {
    for (;;) {
      const seen = changes.count();
      const newest = ports.store.get<Attempt>({ kind: "Attempt", name: attempt.metadata.name });
      if (newest === undefined || newest.status?.phase === "Finished") break;
      await changes.after(seen);
      if (hasBegun || signal.aborted || waiting.signal.aborted) return;
    }
    if (!(await hasLog(ports, attempt, signal))) waiting.abort();
  };
  // Whatever goes wrong while looking goes wrong for the reading below as well, and is reported there.
  void giveUp().catch(() => waiting.abort());
  try {
    const either = AbortSignal.any([signal, waiting.signal]);
    for await (const frame of ports.logs.read(attempt, { from: offset, follow: true, signal: either })) {
      hasBegun = true;
      yield frame;
    }
  } finally {
    waiting.abort();
  }
}

async function hasLog(ports: ApiPorts, attempt: Attempt, signal: AbortSignal): Promise<boolean> {
  for await (const _frame of ports.logs.read(attempt, { from: 0, follow: false, signal })) return true;
  return false;
}

export function isFinishedJob({ metadata, status }: Job): boolean {
  const isTerminal = status?.phase === "Succeeded" || status?.phase === "Failed" || status?.phase === "Cancelled";
  return isTerminal && (status.observedGeneration ?? metadata.generation) >= metadata.generation;
}

interface ChangeCounter extends Disposable {
  count(): number;
  /** Resolves once there has been a change after that count, or when nobody listens any more. */
  after(count: number): Promise<void>;
}

/** Counting first and looking then makes it impossible to miss a change that comes in between. */
function countChanges(ports: ApiPorts, job: Job, signal: AbortSignal): ChangeCounter {
  let changes = 0;
  let wake: (() => void) | undefined;
  const onChange = (): void => {
    changes += 1;
    wake?.();
  };
  const watches = [
    ports.store.watch("Job", (key) => key.name === job.metadata.name && onChange()),
    ports.store.watch("Attempt", (key) => key.name.startsWith(`${job.metadata.uid}-`) && onChange()),
  ];
  signal.addEventListener("abort", onChange);
  return {
    count: () => changes,
    async after(count) {
      while (changes === count && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    },
    [Symbol.dispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
      signal.removeEventListener("abort", onChange);
    },
  };
}
