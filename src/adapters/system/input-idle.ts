import { execFile } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const askMs = 2_000;

/**
 * Seconds since somebody last typed or moved the mouse here, as far as the system tells: terminals (as `w` reads them) and
 * the seat that logind watches on Linux, the HID system on macOS. Undefined where nobody can tell.
 */
export async function readInputIdleSeconds(nowMs: number): Promise<number | undefined> {
  if (platform() === "darwin") return parseHidIdle(await output("ioreg", ["-c", "IOHIDSystem", "-d", "4"]));
  if (platform() !== "linux") return undefined;
  const seat = parseSeatIdle(
    await output("loginctl", ["show-seat", "seat0", "-p", "IdleHint", "-p", "IdleSinceHint"]),
    nowMs,
  );
  const terminals = terminalIdleSeconds(nowMs);
  const known = [seat, terminals].filter((seconds) => seconds !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** "IdleHint=yes" and since when, in microseconds since the epoch; somebody who is not idle was active just now. */
export function parseSeatIdle(text: string, nowMs: number): number | undefined {
  const fields = new Map(text.split("\n").map((line) => [line.split("=")[0], line.split("=")[1]] as const));
  const hint = fields.get("IdleHint");
  if (hint === "no") return 0;
  const sinceUs = Number(fields.get("IdleSinceHint"));
  return hint === "yes" && sinceUs > 0 ? Math.max(0, (nowMs - sinceUs / 1_000) / 1_000) : undefined;
}

/** HIDIdleTime is in nanoseconds. */
export function parseHidIdle(text: string): number | undefined {
  const found = /"HIDIdleTime" = (\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found) / 1e9;
}

/** What is typed into a terminal touches its device file. */
function terminalIdleSeconds(nowMs: number): number | undefined {
  const terminals = [...devices("/dev", /^tty\d+$/), ...devices("/dev/pts", /^\d+$/)];
  const touched = terminals.flatMap((path) => statSync(path, { throwIfNoEntry: false })?.atimeMs ?? []);
  return touched.length === 0 ? undefined : Math.max(0, (nowMs - Math.max(...touched)) / 1_000);
}

function devices(directory: string, name: RegExp): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((each) => name.test(each))
      .map((each) => join(directory, each));
  } catch {
    return []; // no such directory here: nothing to read from it
  }
}

/** Empty where there is no such program, or it does not answer. */
async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, [...args], { timeout: askMs })).stdout;
  } catch {
    return ""; // then this way cannot tell
  }
}
