import type { Command } from "commander";
import type { JsonOption } from "../commands/about.ts";
import type { LogsOptions } from "../commands/logs.ts";
import type { UpOptions } from "../commands/up.ts";
import type { RunOptions } from "../run/options.ts";
import { collect, defineCommand } from "./define.ts";
import type { Launch } from "./define.ts";

export function addDaemonCommands(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "up",
    summary: "start the daemon of this machine",
    examples: ["homie up -d", "homie up --name bobs-laptop"],
  })
    .option("-d, --detach", "in the background; returns when it is ready")
    .option("--name <name>", "what this machine is called")
    .action(
      async (options: UpOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/up.ts")).runUp(context, options)),
    );

  defineCommand(program, {
    usage: "down",
    summary: "stop the daemon; jobs in Docker go on",
    examples: ["homie down"],
  }).action(
    async (_options: unknown, command: Command) =>
      await launch(command, async (context) => (await import("../commands/down.ts")).runDown(context)),
  );

  defineCommand(program, {
    usage: "status",
    summary: "tell how the daemon is",
    examples: ["homie status", "homie status -o json"],
  })
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) => (await import("../commands/about.ts")).runStatus(context, options)),
    );
}

export function addRunCommands(program: Command, launch: Launch, rest: readonly string[] | undefined): void {
  addRun(program, launch, rest);
  addFollowing(program, launch);
}

/** `rest` is what follows `--` on the command line; commander would mix it with what comes before. */
function addRun(program: Command, launch: Launch, rest: readonly string[] | undefined): void {
  defineCommand(program, {
    usage: "run [file]",
    summary: "run a script or a command on the best machine, and bring its files home",
    examples: [
      "homie run train.py -- --epochs 3",
      "homie run train.py --gpu -f ../shared/data.csv --out results",
      "homie run --image alpine -- uname -a",
      "homie run train.py --dry-run",
    ],
  })
    .usage("FILE [options] [-- ARGS] | [options] -- COMMAND [ARGS]")
    .allowExcessArguments(true)
    .option("-f, --filename <path>", "a file or directory that travels too; may be repeated", collect)
    .option("--project <dir>", "the directory that travels (default: this one, if the script lies in it)")
    .option("--no-project", "only the script and the files of -f travel")
    .option("--env <name>", "in this environment (homie env list)")
    .option("--image <image>", "in this image")
    .option("--gpu [count]", "needs one GPU, or that many: --gpu=2")
    .option("--cpu <cores>", "processor cores it needs: 2, 500m")
    .option("--memory <size>", "memory it needs: 4g")
    .option("--disk <size>", "space it needs for its files: 20g")
    .option("--timeout <duration>", "stop it after this time with exit code 124: 600, 10m, 2h")
    .option("--peer <name>", "on this machine and no other")
    .option("--name <name>", "of the job (default: from the file)")
    .option("-e, --set <name=value>", "an environment variable; may be repeated", collect)
    .option("--o-glob <glob>", "bring home only files that match; also -o-glob; may be repeated", collect)
    .option("--out <dir>", "put them there (default: this directory)")
    .option("--force", "overwrite files that homie did not write, or that changed since")
    .option("--network <mode>", "none (default) or egress")
    .option("--retries <number>", "try again after a failure, that many times")
    .option("--at-most-once", "never run it twice, even when a machine falls silent")
    .option("-d, --detach", "print its name and return at once")
    .option("--dry-run [what]", "print the manifest and what would travel; =peers: where it would go")
    .action(
      async (_file: string | undefined, options: RunOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/run.ts")).runRun(context, command.args, options, rest),
        ),
    );
}

function addFollowing(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "attach <job>",
    summary: "follow a job as `run` does, to its end",
    examples: ["homie attach job/train"],
  }).action(
    async (job: string, _options: unknown, command: Command) =>
      await launch(command, async (context) => (await import("../commands/attach.ts")).runAttach(context, job)),
  );

  defineCommand(program, {
    usage: "cp <source> <destination>",
    summary: "copy files that a finished job brought home",
    examples: ["homie cp job/train:model.pkl .", "homie cp job/train:logs/ /tmp/logs"],
  })
    .usage("job/NAME:PATH DESTINATION [options]")
    .option("--force", "overwrite what is there")
    .action(
      async (source: string, destination: string, options: { force?: boolean }, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/cp.ts")).runCp(context, source, destination, options),
        ),
    );
}

export function addJobCommands(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "logs <job>",
    summary: "print what a job wrote",
    examples: [
      "homie logs job/train -f",
      "homie logs job/train --stdout > out.txt",
      "homie logs job/train --tail 20 --attempt 1",
    ],
  })
    .option("-f, --follow", "go on until the job is finished")
    .option("--stdout", "only standard output, byte for byte unless on a terminal")
    .option("--stderr", "only standard error, byte for byte unless on a terminal")
    .option("--tail <lines>", "only the last lines")
    .option("--attempt <number>", "of this attempt (default: the newest)")
    .option("--raw", "leave escape sequences as they are, on a terminal too")
    .action(
      async (job: string, options: LogsOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/logs.ts")).runLogs(context, job, options)),
    );

  defineCommand(program, {
    usage: "cancel <job...>",
    summary: "stop jobs, keeping them and their logs",
    examples: ["homie cancel job/train"],
  })
    .alias("kill")
    .option("-m, --message <text>", "why, for the record")
    .action(
      async (jobs: string[], options: { message?: string }, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/cancel.ts")).runCancel(context, jobs, options),
        ),
    );
}
