import type { CommandContext } from "../context.ts";
import { findKind, parseJobName } from "../kinds.ts";
import { followJob } from "../run/follow.ts";

/** Follows a job that is there already; nothing is cancelled unless Ctrl-C asks for it. */
export async function runAttach(context: CommandContext, word: string): Promise<number> {
  const name = parseJobName(word);
  return await context.withClient("daemon", async (client) => {
    await client.get(findKind("job"), name);
    return await followJob({ terminal: context.terminal, client, name, givesUp: false });
  });
}
