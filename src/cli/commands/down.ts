import { writeFileSync } from "node:fs";
import type { CommandContext } from "../context.ts";
import { isAlive, runningPid } from "../daemon-process.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";

const patienceMs = 30_000;
const pauseMs = 25;

/** Asks the daemon to stop and waits until it is gone. */
export async function runDown(context: CommandContext): Promise<number> {
  const { terminal } = context;
  const pid = await runningPid(context);
  if (pid === undefined) {
    await terminal.output.write("homie is not running\n");
    return exitCodes.ok;
  }
  try {
    // A daemon that is only restarted leaves the tunnel up, so that no packet is lost.
    writeFileSync(context.paths.goingDown, `${pid}\n`, { mode: 0o600 });
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPERM") {
      throw new HomieError("Forbidden", `may not stop the daemon (pid ${pid})`, {
        hint: "it belongs to another user",
        cause: error,
      });
    }
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  const deadline = terminal.now().getTime() + patienceMs;
  while (isAlive(pid)) {
    if (terminal.now().getTime() > deadline) {
      throw new HomieError("ProcessFailed", `the daemon (pid ${pid}) is still there after ${patienceMs / 1000} s`, {
        hint: `its log is in ${context.paths.log}; \`kill -9 ${pid}\` is safe, jobs are taken up again`,
      });
    }
    await terminal.sleep(pauseMs, terminal.interrupt);
  }
  await terminal.output.write(
    "homie is down; jobs that run in Docker go on and are taken up again by the next `homie up`\n",
  );
  return exitCodes.ok;
}
