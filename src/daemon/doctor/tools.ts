import { execFile } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type Check, ok, warn } from "./check.ts";

const answerMs = 2_000;

/** Whether somebody keeps the clock right. homie works with a wrong one; logs and timestamps then lie. */
export async function checkClock(): Promise<Check> {
  const now = new Date().toISOString();
  if (find("timedatectl") === undefined)
    return warn("clock", `${now}; nobody says whether it is kept in time`, "run a time service (NTP)");
  const answer = await ask("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
  if (answer === "yes") return ok("clock", `${now}, synchronized`);
  return warn("clock", `${now}; not synchronized`, "timedatectl set-ntp true, or another time service");
}

/** Tools the WireGuard mesh is built with. Nothing on one machine needs them. */
export async function checkWireguard(): Promise<Check> {
  const missing = ["wg", "ip"].filter((tool) => find(tool) === undefined);
  const inKernel = existsSync("/sys/module/wireguard");
  if (!inKernel && find("wireguard-go") === undefined) missing.push("wireguard-go (the kernel has no WireGuard)");
  if (missing.length > 0) {
    return warn(
      "wireguard",
      `missing: ${missing.join(", ")}`,
      "only the mesh needs it: apt install wireguard-tools wireguard-go iproute2, or your system's like",
    );
  }
  const version = await ask("wg", ["--version"]);
  return ok("wireguard", `${version ?? "wg"}, ${inKernel ? "in the kernel" : "wireguard-go"}`);
}

export function find(tool: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"].filter(
    (directory) => directory !== "",
  );
  return directories.map((directory) => join(directory, tool)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** First line of the answer; undefined when the tool does not give one. */
export async function ask(tool: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(tool, [...args], { timeout: answerMs });
    return stdout.split("\n", 1)[0]?.trim();
  } catch {
    return undefined;
  }
}
