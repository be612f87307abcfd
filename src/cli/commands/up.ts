import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { choosePaint } from "../render/colours.ts";
import { safeLine } from "../render/safe-text.ts";
import type { DaemonLogLine } from "../transport.ts";
import { checkMachineName } from "./setup.ts";

export interface UpOptions {
  readonly detach?: boolean;
  readonly name?: string;
}

export async function runUp(context: CommandContext, options: UpOptions): Promise<number> {
  const name = options.name === undefined ? undefined : checkMachineName(options.name);
  if (options.detach === true) return await (await import("../detached-daemon.ts")).startDetached(context, name);
  const { output, env } = context.terminal;
  const paint = choosePaint(output.isTty, env);
  const colours = { debug: "dim", info: "cyan", warn: "yellow", error: "red" } as const;
  const showsDebug = (env["HOMIE_DEBUG"] ?? "") !== "";
  const printLog = (line: DaemonLogLine): void => {
    if (line.level === "debug" && !showsDebug) return;
    const time = context.terminal.now().toISOString().slice(0, 19).replace("T", " ");
    void output.write(
      `${paint("dim", time)} ${paint(colours[line.level], line.level.padEnd(5))} ${safeLine(line.message)}${renderFields(line.fields)}\n`,
    );
  };
  await (
    await context.composition()
  ).runDaemon({
    home: context.home,
    signal: context.terminal.untilStopped(),
    onReady: ({ pid, socket, engine }) =>
      void output.write(`${safeLine(`homie is up (pid ${pid}, engine ${engine}, socket ${socket})`)}\n`),
    onLog: printLog,
    ...(name === undefined ? {} : { name }),
  });
  await output.write("homie is down; containers that run go on and are taken up again by the next `homie up`\n");
  return exitCodes.ok;
}

function renderFields(fields: DaemonLogLine["fields"]): string {
  const shown = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
  return shown.map(([name, value]) => safeLine(` ${name}=${renderField(value)}`)).join("");
}

function renderField(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[\w./:@-]+$/u.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "";
}
