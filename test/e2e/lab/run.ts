import { execFile } from "node:child_process";
import type { Keeper } from "./keeper.ts";

/** Runs a command to its end. Answers its stdout; throws with what it said on stderr. */
export function run(command: readonly string[], input = ""): Promise<string> {
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command.join(" ")} exits with ${error.code ?? error.signal}: ${stderr}${stdout}`));
    });
    // A command that does not read it may have ended already.
    child.stdin?.on("error", () => undefined).end(input);
  });
}

/** Lines for `ip` in one process: they take effect in order. With no keeper, outside of all namespaces. */
export async function runIp(keeper: Keeper | undefined, lines: readonly string[]): Promise<void> {
  const command = ["ip", "-batch", "-"];
  await run(keeper === undefined ? command : keeper.insideNetwork(command), `${lines.join("\n")}\n`);
}
