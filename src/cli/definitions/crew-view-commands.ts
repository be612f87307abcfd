import { Argument } from "commander";
import type { Command } from "commander";
import type { HistoryOptions } from "../commands/history.ts";
import type { PsOptions } from "../commands/ps.ts";
import type { SnoozeOptions } from "../commands/snooze.ts";
import type { TopOptions } from "../commands/top.ts";
import type { WhyOptions } from "../commands/why.ts";
import { defineCommand } from "./define.ts";
import type { Launch } from "./define.ts";

/** What runs where, what ran, and why: commands that only look, and the one that stops others from coming. */
export function addCrewViewCommands(program: Command, launch: Launch): void {
  addRunning(program, launch);
  addHistory(program, launch);
  defineCommand(program, {
    usage: "why <what>",
    summary: "tell why a job runs where it runs, or why it waits; or how a peer stands",
    examples: ["homie why job/train", "homie why job/train -o json", "homie why peer/bob"],
  })
    .option("-o, --output <format>", "table, or json for scripts")
    .action(
      async (what: string, options: WhyOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/why.ts")).runWhy(context, what, options)),
    );

  defineCommand(program, {
    usage: "snooze [duration]",
    summary: "take no new jobs on this machine for a while; what runs goes on",
    examples: ["homie snooze 2h", "homie snooze --until 2026-12-24T18:00:00Z", "homie snooze --off", "homie snooze"],
  })
    .option("--until <time>", "until this moment: RFC 3339 with time zone")
    .option("--off", "take jobs again")
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (duration: string | undefined, options: SnoozeOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/snooze.ts")).runSnooze(context, duration, options),
        ),
    );
}

function addRunning(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "ps",
    summary: "list what runs now: here and elsewhere, for this machine and for others",
    examples: ["homie ps", "homie ps --peer bob", "homie ps -w", "homie ps -o json"],
  })
    .option("--peer <name>", "only what runs on, or for, this peer")
    .option("-w, --watch", "go on and print a row for each change")
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: PsOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/ps.ts")).runPs(context, options)),
    );

  defineCommand(program, {
    usage: "top",
    summary: "watch peers and running jobs; q ends it",
    examples: ["homie top", "homie top peers", "homie top --once", "homie top jobs -o json"],
  })
    .addArgument(new Argument("[what]", "peers or jobs (default: both)"))
    .option("--once", "print once, as where there is no terminal")
    .option("-o, --output <format>", "json for scripts; once")
    .action(
      async (what: string | undefined, options: TopOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/top.ts")).runTop(context, what, options)),
    );
}

function addHistory(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "history",
    summary: "list what ran: newest first, also after the jobs are gone",
    examples: [
      "homie history --limit 20",
      "homie history --peer bob --failed --since 2d",
      "homie history --stats",
      "homie history --role plug -o json",
    ],
  })
    .option("--peer <name>", "only what ran on, or for, this peer")
    .option("--role <role>", "mooch (elsewhere for this machine), plug (here for others) or self")
    .option("--failed", "only what failed")
    .option("--success", "only what succeeded")
    .option("--since <when>", "only what ended since: 2d, 90m, 2026-11-23T12:00:00Z")
    .option("--limit <number>", "at most so many")
    .option("--stats", "count instead: per peer and in all")
    .option("--clear", "forget everything that ran")
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: HistoryOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/history.ts")).runHistory(context, options)),
    );
}
