import { Argument } from "commander";
import type { Command } from "commander";
import type { JsonOption } from "../commands/about.ts";
import type { ConfigOptions } from "../commands/config.ts";
import type { EnvCreateOptions } from "../commands/env.ts";
import type { SetupOptions } from "../commands/setup.ts";
import { defineCommand } from "./define.ts";
import type { Launch } from "./define.ts";

export function addMachineCommands(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "setup",
    summary: "make this machine ready, step by step",
    examples: ["homie setup", "homie setup --yes --name bobs-laptop"],
  })
    .option("-y, --yes", "ask nothing, take the defaults")
    .option("--name <name>", "what this machine is called")
    .option("--cpu <cores>", "processor cores for jobs")
    .option("--memory <size>", "memory for jobs: 4g")
    .action(
      async (options: SetupOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/setup.ts")).runSetup(context, options)),
    );

  defineCommand(program, {
    usage: "config",
    summary: "show or change what jobs may use of this machine",
    examples: ["homie config", "homie config --cpu 2 --memory 4g --timeout 600"],
  })
    .option("--cpu <cores>", "processor cores for all jobs together: 2, 0.5, 500m")
    .option("--memory <size>", "memory for all jobs together: 4g, 512m")
    .option("--disk <size>", "disk for work directories and outputs: 20g")
    .option("--timeout <duration>", "longest run of one attempt: 600, 10m, 2h")
    .option("--max-jobs <number>", "jobs at the same time")
    .option("--pids <number>", "processes and threads of one job")
    .option("--runtime <name>", "docker or process")
    .option("-o, --output <format>", "json or yaml")
    .action(
      async (options: ConfigOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/config.ts")).runConfig(context, options)),
    );

  addEnvironmentCommands(program, launch);
}

function addEnvironmentCommands(program: Command, launch: Launch): void {
  const env = defineCommand(program, {
    usage: "env",
    summary: "name images, so that jobs can say `environment: NAME`",
    examples: [
      "homie env create py --image python:3.12-slim",
      "homie env create ml --dockerfile ./env",
      "homie env list",
      "homie env default ml",
    ],
  });
  defineCommand(env, {
    usage: "create <name>",
    summary: "make an environment",
    examples: ["homie env create py --image python:3.12-slim"],
  })
    .option("--image <image>", "from an image")
    .option("--dockerfile <dir>", "build it from the Dockerfile in this directory")
    .option("--rootfs <tar>", "import it from an archive of a root file system")
    .action(
      async (name: string, options: EnvCreateOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/env.ts")).runEnvCreate(context, name, options),
        ),
    );
  defineCommand(env, { usage: "list", summary: "list the environments", examples: ["homie env list"] })
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) => (await import("../commands/env.ts")).runEnvList(context, options)),
    );
  defineCommand(env, {
    usage: "default <name>",
    summary: "use it for jobs that name no image",
    examples: ["homie env default ml"],
  }).action(
    async (name: string, _options: unknown, command: Command) =>
      await launch(command, async (context) => (await import("../commands/env.ts")).runEnvDefault(context, name)),
  );
  defineCommand(env, {
    usage: "remove <name>",
    summary: "forget an environment; its image stays",
    examples: ["homie env remove py"],
  }).action(
    async (name: string, _options: unknown, command: Command) =>
      await launch(command, async (context) => (await import("../commands/env.ts")).runEnvRemove(context, name)),
  );
}

export function addOtherCommands(program: Command, launch: Launch): void {
  defineCommand(program, { usage: "whoami", summary: "tell who this machine is", examples: ["homie whoami"] })
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) => (await import("../commands/about.ts")).runWhoami(context, options)),
    );
  defineCommand(program, {
    usage: "doctor",
    summary: "look for what keeps homie from working",
    examples: ["homie doctor"],
  })
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) => (await import("../commands/about.ts")).runDoctor(context, options)),
    );
  for (const show of ["demo", "bench"] as const) {
    const summary =
      show === "demo"
        ? "watch a job go to another machine and come home, all on this one"
        : "measure homie on this machine";
    defineCommand(program, { usage: show, summary, examples: [`homie ${show}`] })
      .option("-o, --output <format>", "json for scripts")
      .action(
        async (options: JsonOption, command: Command) =>
          await launch(command, async (context) =>
            (await import("../commands/about.ts")).runShow(context, show, options),
          ),
      );
  }
  defineCommand(program, { usage: "version", summary: "print versions", examples: ["homie version -o json"] })
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) => (await import("../commands/about.ts")).runVersion(context, options)),
    );
  addFilters(program, launch);
}

/** What other programs call: shells and git. */
function addFilters(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "completion",
    summary: "print a script for your shell",
    examples: ["source <(homie completion bash)", "homie completion fish | source"],
  })
    .addArgument(new Argument("<shell>", "bash, zsh or fish"))
    .action(
      async (shell: string, _options: unknown, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/completion.ts")).runCompletion(context, shell),
        ),
    );
  defineCommand(program, {
    usage: "strip-status",
    summary: "take homie's status out of a YAML file: a clean filter for git",
    examples: ["git config filter.homie.clean 'homie strip-status'", "homie strip-status <job.yaml"],
  }).action(
    async (_options: unknown, command: Command) =>
      await launch(command, async (context) => (await import("../commands/strip-status.ts")).runStripStatus(context)),
  );
  program
    .command("__complete [words...]", { hidden: true })
    .allowUnknownOption()
    .action(
      async (words: string[], _options: unknown, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/complete.ts")).runComplete(context, program, words),
        ),
    );
}
