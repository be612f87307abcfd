import type { Command } from "commander";
import type { JsonOption } from "../commands/about.ts";
import type { PeersOptions } from "../commands/peers.ts";
import { defineCommand } from "./define.ts";
import type { Launch } from "./define.ts";

export function addCrewCommands(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "peers",
    summary: "list the other machines of the crew, with what they have and how they are",
    examples: ["homie peers", "homie peers -w", "homie peers -o json"],
  })
    .option("-o, --output <format>", "table, json, yaml, name or jsonpath=TEMPLATE")
    .option("-w, --watch", "go on and print a row for each change")
    .action(
      async (options: PeersOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/peers.ts")).runPeers(context, options)),
    );

  defineCommand(program, {
    usage: "add <host>",
    summary: "name a machine by its address, where no beacon reaches it",
    examples: ["homie add 100.64.1.2", "homie add bob.example.net:5600", "homie add '[2001:db8::7]:5556'"],
  })
    .option("--name <name>", "what to call it (default: from the address)")
    .action(
      async (host: string, options: { name?: string }, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/direct-peers.ts")).runAdd(context, host, options),
        ),
    );

  defineCommand(program, {
    usage: "remove <host>",
    summary: "forget a machine, by address or name",
    examples: ["homie remove 100.64.1.2", "homie remove bob"],
  }).action(
    async (host: string, _options: unknown, command: Command) =>
      await launch(command, async (context) => (await import("../commands/direct-peers.ts")).runRemove(context, host)),
  );

  defineCommand(program, {
    usage: "list-direct",
    summary: "list the machines that were named by address",
    examples: ["homie list-direct", "homie list-direct -o json"],
  })
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/direct-peers.ts")).runListDirect(context, options),
        ),
    );
}
