import { Command, CommanderError } from "commander";
import { createContext } from "./context.ts";
import type { CliWorld } from "./context.ts";
import type { Launch } from "./definitions/define.ts";
import { addCrewCommands } from "./definitions/crew-commands.ts";
import { addCrewViewCommands } from "./definitions/crew-view-commands.ts";
import { addDaemonCommands, addJobCommands, addRunCommands } from "./definitions/daily-commands.ts";
import { addMachineCommands, addOtherCommands } from "./definitions/machine-commands.ts";
import { addNetworkCommands } from "./definitions/network-commands.ts";
import { addResourceCommands } from "./definitions/resource-commands.ts";
import { exitCodes } from "./exit-codes.ts";
import { reportFailure } from "./failure.ts";
import { HomieError } from "../resources/errors.ts";
import { suggest } from "../resources/suggest.ts";

/** Runs one command line (without `node` and the script) and answers the exit code. Never throws. */
export async function runCli(argv: readonly string[], world: CliWorld): Promise<number> {
  const { terminal } = world;
  const result = { exitCode: exitCodes.ok as number };
  const launch: Launch = async (command, run) => {
    const { home } = command.optsWithGlobals<{ home?: string }>();
    result.exitCode = await run(createContext(world, home));
  };
  const written: string[] = [];
  const { words, rest } = splitRun(argv);
  const program = createProgram(launch, (text) => written.push(text), rest);
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...words], { from: "user" });
    await terminal.output.write(written.join(""));
    return result.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return await reportFailure(error, terminal, asksForJson(argv));
    if (error.exitCode === 0) {
      await terminal.output.write(written.join(""));
      return exitCodes.ok;
    }
    return await reportFailure(usageError(error, program, argv), terminal, asksForJson(argv));
  }
}

/** What follows `--` of `homie run` is the program's, word for word; `-o-glob` is the original homie's spelling. */
function splitRun(argv: readonly string[]): {
  readonly words: readonly string[];
  readonly rest: readonly string[] | undefined;
} {
  const command = argv.find((word, index) => !word.startsWith("-") && argv[index - 1] !== "--home");
  if (command !== "run") return { words: argv, rest: undefined };
  const end = argv.indexOf("--");
  const words = (end === -1 ? argv : argv.slice(0, end)).map((word) => word.replace(/^-o-glob(?==|$)/u, "--o-glob"));
  return { words, rest: end === -1 ? undefined : argv.slice(end + 1) };
}

export function createProgram(
  launch: Launch,
  write: (text: string) => void,
  rest: readonly string[] | undefined,
): Command {
  const program = new Command("homie")
    .usage("COMMAND [options]")
    .description(
      "Friends pool their machines: write down jobs, homie runs them in hardened containers and brings the results home.",
    )
    .option("--home <dir>", "homie's directory (default: $HOMIE_HOME or ~/.homie)")
    .helpOption("-h, --help", "this text")
    .configureHelp({ showGlobalOptions: false, subcommandTerm: (command) => command.name() })
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
    .showSuggestionAfterError(true)
    .exitOverride();
  program.commandsGroup("First steps:");
  addMachineCommands(program, launch);
  program.commandsGroup("The daemon:");
  addDaemonCommands(program, launch);
  program.commandsGroup("Objects (jobs, limits, networks, peers, attempts, events):");
  addResourceCommands(program, launch);
  program.commandsGroup("Jobs:");
  addRunCommands(program, launch, rest);
  addJobCommands(program, launch);
  program.commandsGroup("The crew:");
  addCrewCommands(program, launch);
  addCrewViewCommands(program, launch);
  addNetworkCommands(program, launch);
  program.commandsGroup("Everything else:");
  addOtherCommands(program, launch);
  program.addHelpCommand(
    new Command("help").argument("[command]").description("help for a command").helpGroup("Everything else:"),
  );
  program.addHelpText(
    "after",
    "\nA first job:\n  homie up -d\n  homie run hello.py\n\nThe same, written down:\n  homie apply -f job.yaml --wait\n  homie logs job/NAME\n\nMore on a command: homie COMMAND --help",
  );
  return program;
}

/** commander's complaint in homie's form: one line, and one hint. */
function usageError(error: CommanderError, program: Command, argv: readonly string[]): HomieError {
  const text = error.message.replace(/^error: /u, "").trim();
  const [, message = text, meant] = /^(.*?)\s*\(Did you mean (.*?)\?\)$/su.exec(text) ?? [];
  const command = argv.find((word) => program.commands.some((one) => one.name() === word));
  const more =
    command === undefined ? "`homie --help` lists the commands" : `\`homie ${command} --help\` shows how it is used`;
  if (error.code === "commander.help")
    return new HomieError("Usage", `which ${command ?? "command"} command?`, {
      hint: choicesOf(program, command) ?? more,
    });
  const near = meant ?? (error.code === "commander.unknownCommand" ? nearestCommand(program, argv) : undefined);
  return new HomieError("Usage", message, {
    hint: near === undefined ? more : `did you mean ${near.replace(/^one of /u, "")}?`,
  });
}

/** Undefined for a command that has no commands of its own. */
function choicesOf(program: Command, command: string | undefined): string | undefined {
  const names = program.commands.find((one) => one.name() === command)?.commands.map((one) => one.name()) ?? [];
  if (names.length === 0) return undefined;
  return `one of ${names.join(", ")}; --help says more`;
}

function nearestCommand(program: Command, argv: readonly string[]): string | undefined {
  const word = argv.find((one) => !one.startsWith("-"));
  const names = program.commands.map((one) => one.name()).filter((name) => !name.startsWith("_"));
  return word === undefined ? undefined : suggest(word, names);
}

/** Errors are printed in the form the output was asked for, even when the command line itself is what is wrong. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  return words.some(
    (word, index) =>
      /^(?:-o=?|--output=)json$/u.test(word) || (word === "json" && /^(?:-o|--output)$/u.test(words[index - 1] ?? "")),
  );
}
