import type { Resource } from "../resources/types.ts";
import type { Context, Controller, Reconciler, Result } from "./types.ts";

/**
 * Turns what a kind supplies into a reconciler: observe, plan, execute, observe again, summarize, and write the status
 * once, if it changed. While there was something to do, the key comes back at once for the next steps.
 */
export function drive<R extends Resource, Actual, Action extends { readonly type: string }>(
  controller: Controller<R, Actual, Action>,
): Reconciler {
  return {
    async reconcile(key, context): Promise<Result> {
      const desired = context.store.get<R>(key);
      if (desired === undefined) return {};
      let actual = await controller.observe(desired, context);
      const actions = controller.plan(desired, actual, context.clock.now());
      const failure = await executeAll(controller, actions, desired, context);
      if (context.signal.aborted) return {};
      // Executing may have written facts into the status, or removed the object altogether.
      const latest = context.store.get<R>(key);
      if (latest === undefined) return {};
      if (actions.length > 0) actual = await controller.observe(latest, context);
      const fresh = context.store.get<R>(key);
      if (fresh === undefined) return {};
      const summary = controller.summarize(fresh, actual, context.clock.now());
      context.store.putStatus(fresh, summary.status);
      if (failure !== undefined) throw failure.error;
      return actions.length > 0 ? { requeueAfterMs: 0 } : summary.result;
    },
  };
}

/** The first error ends it; it is handed back, because what was reached until then has to be told before it is thrown. */
async function executeAll<R extends Resource, Actual, Action extends { readonly type: string }>(
  controller: Controller<R, Actual, Action>,
  actions: readonly Action[],
  desired: R,
  context: Context,
): Promise<{ readonly error: unknown } | undefined> {
  const { kind, metadata } = desired;
  for (const action of actions) {
    if (context.signal.aborted) return undefined;
    context.log.debug("act", { kind, name: metadata.name, action: action.type });
    try {
      await controller.execute(action, desired, context);
    } catch (error) {
      return { error };
    }
  }
  return undefined;
}
