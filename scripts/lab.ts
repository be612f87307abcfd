import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Friends, cast, openFriends } from "../test/e2e/lab/cast.ts";
import { whyNoLab } from "../test/e2e/lab/lab.ts";

/** Beside the homes: how to get into each machine. It goes with the lab, whatever ends that. */
const doors = "doors.json";
const usage = `usage: npm run lab                          friends with a house each, until Ctrl-C
       npm run lab -- exec NAME COMMAND…    on one of their machines, from another terminal
`;

async function main([command, name, ...rest]: readonly string[]): Promise<number> {
  if (command === undefined) return stay();
  if (command === "exec" && name !== undefined && rest.length > 0) return enter(name, rest);
  process.stderr.write(usage);
  return 2;
}

async function stay(): Promise<number> {
  const refusal = await whyNoLab();
  if (refusal !== undefined) {
    process.stderr.write(`${refusal}\n`);
    return 1;
  }
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  const friends = await openFriends();
  try {
    const entrances = Object.fromEntries(friends.hosts.map((host) => [host.name, host.enter()]));
    writeFileSync(join(friends.lab.directory, doors), JSON.stringify(entrances));
    process.stdout.write(describeFriends(friends));
    await stopped;
  } finally {
    await friends.lab.close();
  }
  process.stdout.write("\nnothing is left of it\n");
  return 0;
}

function describeFriends({ vivek, houses, hosts, lab }: Friends): string {
  const places = Object.entries(houses).map(
    ([name, house]) => `  ${name.padEnd(6)} behind ${house.address}, ${cast[name as keyof typeof cast]}`,
  );
  const doorways = hosts.map((host) => `  ${host.name.padEnd(6)} ${host.keeper.inside([]).slice(0, -1).join(" ")}`);
  return [
    `  vivek  at ${vivek.address}`,
    ...places,
    "",
    "From another terminal, with a home and `homie` of the machine's own:",
    "  npm run lab -- exec raj homie up -d",
    "  npm run lab -- exec raj bash",
    "Without them:",
    ...doorways,
    "",
    `Homes are in ${lab.directory}. Ctrl-C ends everything.`,
    "",
  ].join("\n");
}

/** In the youngest lab. */
async function enter(name: string, command: readonly string[]): Promise<number> {
  const [file] = globSync(join(tmpdir(), "homie-lab-*", doors)).toSorted((a, b) => bornMs(b) - bornMs(a));
  if (file === undefined) {
    process.stderr.write("no lab is open: start one with `npm run lab` in another terminal\n");
    return 1;
  }
  const entrances = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, readonly string[]>>;
  const [program, ...args] = entrances[name] ?? [];
  if (program === undefined) {
    process.stderr.write(`nobody here is called ${name}: ${Object.keys(entrances).join(", ")}\n`);
    return 2;
  }
  // Ctrl-C is for what runs there, a shell for instance.
  process.on("SIGINT", () => undefined);
  const child = spawn(program, [...args, ...command], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

function bornMs(file: string): number {
  return statSync(file).birthtimeMs;
}

process.exitCode = await main(process.argv.slice(2));
