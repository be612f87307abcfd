import { objectPath } from "../client.ts";
import type { Client } from "../client.ts";
import { ApiError } from "../failure.ts";
import { findKind } from "../kinds.ts";
import type { Terminal } from "../terminal.ts";
import type { Progress } from "./progress.ts";

export interface InterruptScene {
  readonly terminal: Terminal;
  readonly client: Client;
  readonly progress: Progress;
  readonly name: string;
  /** Stops following; the job goes on. */
  readonly leave: () => void;
  /** The cancel wish could not be brought to the daemon. */
  readonly fail: (error: unknown) => void;
  /** Aborts when there is nothing to cancel any more. */
  readonly over: AbortSignal;
}

/**
 * Ctrl-C while a job is followed. The first asks on a terminal, and elsewhere says what the next one does; the second
 * cancels the job and goes on until it has ended; the third leaves.
 */
export function takeInterrupts(scene: InterruptScene): Disposable {
  const { terminal, progress, name } = scene;
  const canAsk = terminal.input.isTty && terminal.errors.isTty;
  const question = new AbortController();
  let presses = 0;
  const cancel = (): void => {
    presses = 2;
    void cancelJob(scene.client, name, "cancelled with Ctrl-C").then(
      async () => await progress.write("errors", `cancelling job/${name}; Ctrl-C again leaves that to the daemon\n`),
      scene.fail,
    );
  };
  return terminal.takeInterrupts(() => {
    presses += 1;
    if (presses > 2) return scene.leave();
    if (presses === 2) {
      question.abort();
      return cancel();
    }
    if (canAsk) return void ask(scene, question.signal, cancel).catch(scene.fail);
    void progress.write(
      "errors",
      `job/${name} goes on; press Ctrl-C again to cancel it; \`homie attach job/${name}\` comes back to it\n`,
    );
  });
}

/** Nothing else is written while the question stands. */
async function ask(scene: InterruptScene, signal: AbortSignal, cancel: () => void): Promise<void> {
  const { terminal, progress, name, over, leave } = scene;
  const hold = progress.hold();
  const question = `\njob/${name} goes on unless you cancel it; \`homie attach job/${name}\` comes back to it\ncancel it? [y/N] `;
  const answer = await terminal.input.askLine(question, AbortSignal.any([signal, over]));
  const isMoot = signal.aborted || over.aborted;
  if (isMoot || answer === undefined) await terminal.errors.write("\n");
  const isYes = /^\s*y(es)?\s*$/iu.test(answer ?? "");
  // Whoever leaves has seen enough: what came meanwhile stays unsaid.
  if (!isMoot && !isYes) return leave();
  hold[Symbol.dispose]();
  if (!isMoot) cancel();
}

/** A job that has ended meanwhile is no error. */
export async function cancelJob(client: Client, name: string, message: string): Promise<void> {
  const path = `${objectPath(findKind("job"), name)}/cancel`;
  await client.call({ method: "POST", path, body: { message } }).catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
  });
}
