import { HomieError } from "../../resources/errors.ts";
import type { CommandContext } from "../context.ts";
import { ApiError, renderError } from "../failure.ts";
import { isWholePaste, maxPasteLetters } from "../paste-reader.ts";

export interface PasteSource {
  /** What the option gave: the text, "-" for stdin, or nothing. */
  readonly given: string | undefined;
  readonly question: string;
}

/**
 * Hands a join request or an invite to `use`. One that was typed into a terminal and does not read is asked for again; one that
 * came as an option or through a pipe is an error.
 */
export async function withPaste<T>(
  { terminal }: CommandContext,
  { given, question }: PasteSource,
  use: (text: string) => Promise<T>,
): Promise<T> {
  const { input, errors, interrupt } = terminal;
  if (given !== undefined && given !== "-") return await use(given);
  if (given === "-" && !input.isTty) {
    const text = (await input.readAll(maxPasteLetters)).trim();
    if (text === "") throw new HomieError("Usage", "there is nothing on stdin");
    return await use(text);
  }
  for (;;) {
    const text = await input.askPaste(question, { isWhole: isWholePaste, signal: interrupt });
    if (text === undefined) throw new HomieError("Usage", "nothing was pasted; nothing was done");
    try {
      return await use(text.trim());
    } catch (error) {
      if (!(error instanceof ApiError) || (error.code !== "InviteRejected" && error.code !== "TooLarge")) throw error;
      await errors.write(`${renderError(error)}\n`);
    }
  }
}
