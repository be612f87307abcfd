import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { readConfig } from "../../adapters/files/config.ts";
import type { HomePaths } from "../../adapters/home.ts";
import { freeDiskBytes } from "../../adapters/system/machine.ts";
import { formatBytes } from "../../resources/quantities.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const oldestNode = 24;
const comfortableDiskBytes = 5 * 2 ** 30;

export function checkNode(version: string): Check {
  const major = Number(version.split(".")[0]);
  return major >= oldestNode
    ? ok("node", version)
    : fail("node", `${version} is too old`, `install Node ${oldestNode} or newer`);
}

export function checkHome(paths: HomePaths): Check {
  if (!existsSync(paths.root)) return warn("home", `${paths.root} does not exist yet`, "homie setup, or just homie up");
  const { mode, uid } = statSync(paths.root);
  if (process.getuid !== undefined && uid !== process.getuid()) {
    return fail("home", `${paths.root} belongs to somebody else`, `chown -R "$(id -u)" ${paths.root}`);
  }
  if ((mode & 0o077) !== 0)
    return fail("home", `${paths.root} may be read by others (mode ${octal(mode)})`, `chmod 700 ${paths.root}`);
  return ok("home", paths.root);
}

export function checkIdentity(paths: HomePaths): Check {
  if (!existsSync(paths.identity)) return warn("identity", "no keys yet", "homie setup, or just homie up, makes them");
  const { mode } = statSync(paths.identity);
  if ((mode & 0o077) !== 0)
    return fail(
      "identity",
      `${paths.identity} may be read by others (mode ${octal(mode)})`,
      `chmod 600 ${paths.identity}`,
    );
  return ok("identity", paths.identity);
}

export function checkConfig(paths: HomePaths): Check {
  try {
    const { warnings } = readConfig(paths);
    const [first] = warnings;
    return first === undefined
      ? ok("config", existsSync(paths.config) ? paths.config : "defaults")
      : warn("config", first, `edit ${paths.config}`);
  } catch (error) {
    return fail("config", error instanceof Error ? error.message : String(error), `edit ${paths.config}`);
  }
}

export function checkDisk(paths: HomePaths): Check {
  let directory = paths.root;
  while (!existsSync(directory)) directory = dirname(directory);
  const free = freeDiskBytes(directory);
  const message = `${formatBytes(free)} free at ${directory}`;
  return free >= comfortableDiskBytes
    ? ok("disk", message)
    : warn("disk", message, "jobs that write more will fail; make room");
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
