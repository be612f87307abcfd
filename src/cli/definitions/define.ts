import type { Command } from "commander";
import type { CommandContext } from "../context.ts";

/** Runs a command with its context; the exit code is what it answers. */
export type Launch = (command: Command, run: (context: CommandContext) => Promise<number>) => Promise<void>;

export interface Definition {
  /** As commander writes it: "get <what...>". */
  readonly usage: string;
  readonly summary: string;
  /** Complete command lines. */
  readonly examples: readonly string[];
}

/** A command with what all of them have: --home, examples, strict arguments. */
export function defineCommand(parent: Command, definition: Definition): Command {
  const command = parent
    .command(definition.usage)
    .summary(definition.summary)
    .description(capitalise(definition.summary))
    .option("--home <dir>", "homie's directory (default: $HOMIE_HOME or ~/.homie)")
    .allowExcessArguments(false)
    .helpOption("-h, --help", "this text");
  const [first] = definition.examples;
  if (first !== undefined)
    command.addHelpText("after", `\nExamples:\n${definition.examples.map((example) => `  ${example}`).join("\n")}`);
  return command;
}

function capitalise(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** For options that may be given several times. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}
