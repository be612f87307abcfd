import type { StatusReport } from "../../api/ports.ts";
import type { CommandContext } from "../context.ts";
import { connectDaemon } from "../connect.ts";
import { createClient } from "../client.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { readPackageVersion } from "../package-version.ts";
import { choosePaint } from "../render/colours.ts";
import { renderDuration } from "../render/duration.ts";
import { renderJson } from "../render/markup.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { safeLine } from "../render/safe-text.ts";
import type { Transport } from "../transport.ts";

export interface JsonOption {
  readonly output?: string;
}

function renderFields(fields: Readonly<Record<string, string | number | undefined>>): string {
  const shown = Object.entries(fields).filter((entry) => entry[1] !== undefined);
  return shown.map(([name, value]) => `${`${name}:`.padEnd(10)} ${safeLine(String(value))}\n`).join("");
}

export async function runStatus(context: CommandContext, options: JsonOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  return await context.withClient("daemon", async (client) => {
    const report = await client.call<StatusReport>({ path: "/homie/v1/status" });
    const jobs = Object.entries(report.jobs)
      .map(([phase, count]) => `${count} ${phase}`)
      .join(", ");
    const text = renderFields({
      Name: report.name,
      State: report.ready ? "ready" : "starting",
      Pid: report.pid,
      Uptime: renderDuration(report.uptimeSeconds * 1000),
      Version: report.version,
      Home: report.home,
      Engine: report.engine,
      Runtime: report.runtime,
      Jobs: jobs === "" ? "none" : jobs,
      Problems: report.problems === 0 ? "none" : `${report.problems} in desired/ (homie get jobs lists them)`,
    });
    const warnings = report.warnings.map((warning) => `warning: ${safeLine(warning)}\n`).join("");
    await context.terminal.output.write(asJson ? renderJson(report) : text + warnings);
    return exitCodes.ok;
  });
}

export async function runWhoami(context: CommandContext, options: JsonOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const profile = await (await context.composition()).profile(context.home);
  const text = renderFields({ Name: profile.name, Node: profile.node, Home: profile.home, Config: profile.configFile });
  await context.terminal.output.write(asJson ? renderJson(profile) : text);
  return exitCodes.ok;
}

export async function runVersion(context: CommandContext, options: JsonOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const version = readPackageVersion();
  const found = await askDaemon(context);
  const daemon = found.report?.version;
  const client = { version, node: process.version, platform: `${process.platform}/${process.arch}` };
  if (asJson)
    await context.terminal.output.write(
      renderJson({ client, ...(daemon === undefined ? {} : { daemon: { version: daemon } }) }),
    );
  else
    await context.terminal.output.write(
      `homie ${version} (node ${client.node}, ${client.platform})\n${daemon === undefined ? "" : `daemon ${safeLine(daemon)}\n`}`,
    );
  if (daemon !== undefined && daemon !== version) {
    await context.terminal.errors.write(
      "the daemon is of another version; restart it with `homie down` and `homie up -d`\n",
    );
  }
  // Only now: what does not answer as a daemon does is a reason to want to know the client's version.
  if (found.failure !== undefined) throw found.failure;
  return exitCodes.ok;
}

interface DaemonAnswer {
  /** Undefined when no daemon runs, or none that may be asked: the version of the client is an answer all the same. */
  readonly report?: StatusReport;
  /** Something listens and could not say. */
  readonly failure?: unknown;
}

async function askDaemon(context: CommandContext): Promise<DaemonAnswer> {
  let transport: Transport;
  try {
    transport = await connectDaemon(context.paths.socket);
  } catch (error) {
    if (error instanceof HomieError && (error.code === "DaemonUnavailable" || error.code === "Forbidden")) return {};
    throw error;
  }
  try {
    const client = createClient(transport, context.terminal.interrupt);
    return { report: await client.call<StatusReport>({ path: "/homie/v1/status" }) };
  } catch (failure) {
    return { failure };
  }
}

export async function runDoctor(context: CommandContext, options: JsonOption): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const { report, failure } = await askDaemon(context);
  const daemon = {
    ...(report === undefined ? {} : { report }),
    ...(failure === undefined ? {} : { failure: failure instanceof Error ? failure.message : "it cannot be asked" }),
  };
  const checks = await (await context.composition()).diagnose(context.home, daemon);
  const { output, env } = context.terminal;
  const paint = choosePaint(output.isTty, env);
  const marks = { ok: paint("green", "ok  "), warn: paint("yellow", "warn"), fail: paint("red", "FAIL") };
  const text = checks.map((check) => {
    const hint = check.hint === undefined ? "" : `      ${safeLine(check.hint)}\n`;
    return `${marks[check.ok]}  ${safeLine(`${check.name}: ${check.message}`)}\n${hint}`;
  });
  await output.write(asJson ? renderJson({ checks }) : text.join(""));
  return checks.some((check) => check.ok === "fail") ? exitCodes.error : exitCodes.ok;
}

export async function runShow(context: CommandContext, show: "demo" | "bench", options: JsonOption): Promise<number> {
  const composition = await context.composition();
  const json = parseJsonOnly(options.output) === "json";
  const { output, interrupt } = context.terminal;
  return await composition[show]({ json, signal: interrupt, write: (text) => void output.write(text) });
}
