import { HomieError } from "../../resources/errors.ts";
import type { Terminal } from "../terminal.ts";

/** Somebody sits there and sees what is asked. */
export function canAsk(terminal: Terminal): boolean {
  return terminal.input.isTty && terminal.errors.isTty;
}

/**
 * Asks until the answer is yes or no: Enter alone may be the end of what was pasted for the question before. Throws HomieError
 * Usage at the end of input.
 */
export async function askYesNo(terminal: Terminal, question: string): Promise<boolean> {
  for (;;) {
    const answer = await terminal.input.askLine(`${question} [yes/no] `, terminal.interrupt);
    if (answer === undefined) {
      await terminal.errors.write("\n");
      throw new HomieError("Usage", "the question was not answered; nothing was done");
    }
    if (/^\s*y(es)?\s*$/iu.test(answer)) return true;
    if (/^\s*no?\s*$/iu.test(answer)) return false;
  }
}

/** For what cannot be taken back. False: somebody thought better of it. Throws HomieError Usage where nobody is there to ask. */
export async function confirm(terminal: Terminal, question: string, isSure: boolean): Promise<boolean> {
  if (isSure) return true;
  if (!canAsk(terminal))
    throw new HomieError("Usage", "nobody is there to answer a question", { hint: "--yes does it without asking" });
  return await askYesNo(terminal, question);
}
