import type { Clock, Store } from "../reconciler/types.ts";
import type { Key } from "../resources/types.ts";

export interface Wait {
  readonly clock: Pick<Clock, "sleep">;
  readonly forMs: number;
}

/** Waits until no object has this key: its controller is through with cleaning up then. Answers false when that took too long. */
export async function untilGone(
  store: Pick<Store, "get" | "watch">,
  key: Key,
  { clock, forMs }: Wait,
): Promise<boolean> {
  const isGone = (): boolean => store.get(key) === undefined;
  const gone = new AbortController();
  using _watch = store.watch(key.kind, ({ name }) => {
    if (name === key.name && isGone()) gone.abort();
  });
  if (!isGone()) await clock.sleep(forMs, gone.signal);
  return isGone();
}
