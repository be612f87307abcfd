import { applyInputs } from "../apply-client.ts";
import type { CommandContext } from "../context.ts";
import { readInputs } from "../input-files.ts";
import { choosePaint } from "../render/colours.ts";
import type { Paint } from "../render/colours.ts";
import { safeBlock, safeLine } from "../render/safe-text.ts";
import { renderUnifiedDiff } from "../render/unified-diff.ts";

export interface DiffOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly selector?: string;
  readonly forceConflicts?: boolean;
}

/** What `apply` would change in desired/; exit code 0 nothing, 1 something. */
export async function runDiff(context: CommandContext, options: DiffOptions): Promise<number> {
  const inputs = await readInputs(context.terminal, options.filename ?? [], options.recursive === true);
  return await context.withClient("any", async (client) => {
    const flags = { dryRun: true, forceConflicts: options.forceConflicts === true, selector: options.selector };
    const paint = choosePaint(context.terminal.output.isTty, context.terminal.env);
    let differences = 0;
    for (const result of await applyInputs(client, inputs, flags)) {
      const reference = safeLine(`${result.kind.toLowerCase()}/${result.name}`);
      const names = { before: `desired/${reference}`, after: `input/${reference}` };
      const text = renderUnifiedDiff(result.before ?? "", result.after ?? "", names);
      if (text !== "") differences += 1;
      await context.terminal.output.write(paintDiff(safeBlock(text), paint));
    }
    return differences === 0 ? 0 : 1;
  });
}

function paintDiff(text: string, paint: Paint): string {
  const colours = { "+": "green", "-": "red", "@": "cyan" } as const;
  return text
    .split("\n")
    .map((line) => {
      const colour = colours[line[0] as keyof typeof colours];
      return colour === undefined ? line : paint(colour, line);
    })
    .join("\n");
}
