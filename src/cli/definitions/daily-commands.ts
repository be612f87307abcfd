import type { Command } from "commander";
import type { JsonOption } from "../commands/about.ts";
import type { LogsOptions } from "../commands/logs.ts";
import type { UpOptions } from "../commands/up.ts";
import { defineCommand } from "./define.ts";
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
    .option("-m, --message <text>", "why, for the record")
    .action(
      async (jobs: string[], options: { message?: string }, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/cancel.ts")).runCancel(context, jobs, options),
        ),
    );
}
