import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { safeLine } from "../render/safe-text.ts";
import { readLimitsChange, runConfig } from "./config.ts";
import type { ConfigOptions } from "./config.ts";
import { runDoctor } from "./about.ts";

export interface SetupOptions {
  readonly yes?: boolean;
  readonly name?: string;
  readonly cpu?: string;
  readonly memory?: string;
}

/** Asks for a name and what to lend, writes them, looks whether jobs can run, and says what comes next. */
export async function runSetup(context: CommandContext, options: SetupOptions): Promise<number> {
  const { input, output } = context.terminal;
  const asks = options.yes !== true;
  if (asks && !input.isTty)
    throw new HomieError("Usage", "nobody is there to answer questions", {
      hint: "run `homie setup --yes`, with --name NAME if you like",
    });
  readLimitsChange(options);
  const composition = await context.composition();
  const before = await composition.profile(context.home);
  const name =
    options.name ??
    (asks ? await ask(context, `Name of this machine [${safeLine(before.name)}]: `, checkMachineName) : undefined);
  const profile = await composition.initialize(
    context.home,
    name === undefined || name === "" ? {} : { name: checkMachineName(name) },
  );
  await output.write(`${safeLine(`${profile.name} lives in ${profile.home}`)}\n`);
  const lent = asks ? await askLimits(context, options) : options;
  if (lent.cpu !== undefined || lent.memory !== undefined) await runConfig(context, lent);
  await output.write("\n");
  const healthy = (await runDoctor(context, {})) === exitCodes.ok;
  await output.write(
    healthy
      ? "\nNext: `homie up -d` starts the daemon, `homie apply -f JOB.yaml` runs a job.\n"
      : "\nMend what failed above, then start the daemon with `homie up -d`.\n",
  );
  return exitCodes.ok;
}

async function askLimits(context: CommandContext, options: SetupOptions): Promise<ConfigOptions> {
  const cpu =
    options.cpu ??
    (await ask(context, "Processor cores for jobs [half of them]: ", (text) => void readLimitsChange({ cpu: text })));
  const memory =
    options.memory ??
    (await ask(
      context,
      "Memory for jobs, such as 4g [half of it]: ",
      (text) => void readLimitsChange({ memory: text }),
    ));
  return { ...(cpu === "" ? {} : { cpu }), ...(memory === "" ? {} : { memory }) };
}

/** Asks until the answer will do; an empty answer always does. */
async function ask(context: CommandContext, question: string, check: (answer: string) => unknown): Promise<string> {
  for (;;) {
    const answer = (await context.terminal.input.askLine(question))?.trim();
    if (answer === undefined)
      throw new HomieError("Usage", "the answers ended early; nothing more was changed", {
        hint: "run `homie setup` again",
      });
    if (answer === "") return answer;
    try {
      check(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof HomieError)) throw error;
      await context.terminal.errors.write(`${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}\n`);
    }
  }
}

export function isDnsLabel(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/u.test(text);
}

export function checkMachineName(name: string): string {
  if (isDnsLabel(name)) return name;
  throw new HomieError("Usage", `${JSON.stringify(name)} cannot be the name of a machine`, {
    hint: "lower-case letters, digits and hyphens, at most 63, such as bobs-laptop",
  });
}
