import { objectPath } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { findKind, parseJobName } from "../kinds.ts";
import type { ApiObject } from "../render/objects.ts";
import { renderValue } from "../render/jsonpath.ts";
import { safeLine } from "../render/safe-text.ts";

const finalPhases = new Set(["Succeeded", "Failed", "Cancelled"]);

export async function runCancel(
  context: CommandContext,
  words: readonly string[],
  options: { readonly message?: string },
): Promise<number> {
  const names = words.map(parseJobName);
  return await context.withClient("daemon", async (client) => {
    for (const name of names) {
      const path = `${objectPath(findKind("job"), name)}/cancel`;
      const before = await client.get(findKind("job"), name);
      const phase = renderValue(before.status?.["phase"]);
      const isOver = finalPhases.has(phase) && before.status?.["observedGeneration"] === before.metadata.generation;
      if (isOver) {
        await context.terminal.output.write(`${safeLine(`job/${name} is already ${phase.toLowerCase()}`)}\n`);
        continue;
      }
      await client.call<ApiObject>({
        method: "POST",
        path,
        body: options.message === undefined ? {} : { message: options.message },
      });
      await context.terminal.output.write(`${safeLine(`job/${name}`)} cancelled\n`);
    }
    return exitCodes.ok;
  });
}
