import type { Command } from "commander";
import type { JsonOption } from "../commands/about.ts";
import type { CreateOptions, YesOption } from "../commands/network.ts";
import type { InviteOptions } from "../commands/network-invite.ts";
import type { JoinOptions } from "../commands/network-join.ts";
import type { NetworkStatusOptions } from "../commands/network-status.ts";
import { defineCommand } from "./define.ts";
import type { Launch } from "./define.ts";

const jsonFlag = ["-o, --output <format>", "json for scripts"] as const;

/** The mesh: a network of one's own, without a server or an account. */
export function addNetworkCommands(program: Command, launch: Launch): void {
  const network = defineCommand(program, {
    usage: "network",
    summary: "make a private network of machines anywhere, invite others, look at it",
    examples: ["homie network create homelab", "homie network join", "homie network invite", "homie network status"],
  });
  addEntrances(network, launch);
  addViews(network, launch);
  addExits(network, launch);
  defineCommand(program, {
    usage: "netcheck",
    summary: "tell what stands between this machine and the others: NAT, ports, relays",
    examples: ["homie netcheck", "homie netcheck -o json"],
  })
    .option(...jsonFlag)
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network.ts")).runNetcheck(context, options),
        ),
    );
}

function addEntrances(network: Command, launch: Launch): void {
  defineCommand(network, {
    usage: "create <name>",
    summary: "make a network, with this machine as its first",
    examples: ["homie network create homelab", "homie network create homelab --endpoint 198.51.100.7:51820"],
  })
    .option("--cidr <range>", "its private IPv4 range (default: a free 10.x.0.0/16)")
    .option("--port <number>", "UDP port of this machine's tunnels (default: 51820)")
    .option("--endpoint <host:port>", "public address of this machine, where it has one")
    .option(...jsonFlag)
    .action(
      async (name: string, options: CreateOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network.ts")).runNetworkCreate(context, name, options),
        ),
    );
  defineCommand(network, {
    usage: "invite",
    summary: "let a machine in: takes its join request, gives an invite",
    examples: ["homie network invite", "homie network invite --request - --name raj --yes -o json <request.txt"],
  })
    .option("--request <text>", "the join request (hj1_...), or - for stdin")
    .option("--name <name>", "what it is called in the network (default: as it calls itself)")
    .option("-y, --yes", "ask nothing: the six words were compared, or need not be")
    .option(...jsonFlag)
    .action(
      async (options: InviteOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network-invite.ts")).runNetworkInvite(context, options),
        ),
    );
  defineCommand(network, {
    usage: "join",
    summary: "join a network: makes a join request, takes an invite",
    examples: [
      "homie network join",
      "homie network join --request-only -o json",
      "homie network join --bundle - --yes <invite.txt",
    ],
  })
    .option("--request-only", "print the join request and end")
    .option("--renew", "make a new request; invites for the last one are void")
    .option("--bundle <text>", "the invite (hm1_...), or - for stdin")
    .option("--name <name>", "what to be called (default: as `homie whoami` says)")
    .option("-y, --yes", "ask nothing: the six words were compared, or need not be")
    .option(...jsonFlag)
    .action(
      async (options: JoinOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network-join.ts")).runNetworkJoin(context, options),
        ),
    );
}

function addViews(network: Command, launch: Launch): void {
  defineCommand(network, {
    usage: "status",
    summary: "list the members, how packets go to each, and what all have together",
    examples: ["homie network status", "homie network status -w", "homie network status -o json"],
  })
    .alias("ls")
    .option("-w, --watch", "go on and print a row for each change")
    .option(...jsonFlag)
    .action(
      async (options: NetworkStatusOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network-status.ts")).runNetworkStatus(context, options),
        ),
    );
  defineCommand(network, {
    usage: "log",
    summary: "tell who invited whom, and who is out",
    examples: ["homie network log", "homie network log -o json"],
  })
    .option(...jsonFlag)
    .action(
      async (options: JsonOption, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network.ts")).runNetworkLog(context, options),
        ),
    );
}

function addExits(network: Command, launch: Launch): void {
  defineCommand(network, {
    usage: "revoke <peer>",
    summary: "put a member out for ever, on all machines",
    examples: ["homie network revoke mallory", "homie network revoke mallory --yes"],
  })
    .option("-y, --yes", "do not ask")
    .option(...jsonFlag)
    .action(
      async (peer: string, options: YesOption, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network.ts")).runNetworkRevoke(context, peer, options),
        ),
    );
  defineCommand(network, {
    usage: "leave",
    summary: "take this machine out of its network",
    examples: ["homie network leave", "homie network leave --yes"],
  })
    .option("-y, --yes", "do not ask")
    .option(...jsonFlag)
    .action(
      async (options: YesOption, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/network.ts")).runNetworkLeave(context, options),
        ),
    );
}
