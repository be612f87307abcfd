import type { DiskExcess } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { createDiskWatch } from "../disk/disk-watch.ts";
import type { Captures } from "./captures.ts";
import type { Engine } from "./connect.ts";
import { createDiskGrounds } from "./disk-ground.ts";
import { attemptName } from "./names.ts";

/** Watches the disk use of the containers whose output is followed: they may be running. */
export interface DiskUse {
  follow(attempt: Attempt): void;
  excess(attempt: Attempt): DiskExcess | undefined;
  listen(onExcess: (attemptName: string) => void): Disposable;
  close(): Promise<void>;
}

export interface DiskUseParts {
  readonly engine: Engine;
  readonly captures: Captures;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createDiskUse({ engine, captures, clock, log }: DiskUseParts): DiskUse {
  const grounds = createDiskGrounds(engine, clock);
  const watch = createDiskWatch({ clock, log });
  return {
    follow(attempt): void {
      watch.follow({
        name: attemptName(attempt),
        limitBytes: attempt.spec.resources.diskBytes,
        find: () => grounds.find(attempt),
        isRunning: () => captures.facts(attempt).phase === "live",
      });
    },
    excess: (attempt) => watch.excess(attemptName(attempt)),
    listen: (onExcess) => watch.listen(onExcess),
    close: () => watch.close(),
  };
}
