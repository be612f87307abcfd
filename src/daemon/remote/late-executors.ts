import type { Executors } from "../../controllers/remote/ports.ts";
import type { Clock } from "../../reconciler/types.ts";
import { HomieError } from "../../resources/errors.ts";

/**
 * The executors of a crew that this machine may not be in (yet, or any more). Without one nobody can be asked, and
 * attempts on peers grow silent like those on a peer that is away.
 */
export function createLateExecutors(crew: () => Executors | undefined, clock: Clock): Executors {
  const startedMs = clock.monotonicMs();
  const present = (): Executors => {
    const found = crew();
    if (found !== undefined) return found;
    throw new HomieError("PeerUnreachable", "this machine is in no crew", {
      hint: "set group_secret in config.yaml and start homie again",
    });
  };
  return {
    stage: async (attempt, signal) => present().stage(attempt, signal),
    begin: async (attempt) => present().begin(attempt),
    stop: async (attempt, wish) => present().stop(attempt, wish),
    dismiss: async (attempt) => present().dismiss(attempt),
    collect: async (attempt, report, signal) => present().collect(attempt, report, signal),
    look: (attempt) => crew()?.look(attempt) ?? { silentMs: clock.monotonicMs() - startedMs, unknown: false },
    leave: (attempt) => crew()?.leave(attempt),
  };
}
