import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { changeLimits, readLimits } from "../limits-client.ts";
import { parseDuration } from "../render/duration.ts";
import { describeLimits } from "../render/limits.ts";
import { renderJson, renderYaml } from "../render/markup.ts";

export interface ConfigOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly timeout?: string;
  readonly maxJobs?: string;
  readonly pids?: string;
  readonly runtime?: string;
  readonly output?: string;
}

type LimitsChange = Readonly<Record<string, string | number>>;

/** Without flags shows the limits; with flags changes these and nothing else. */
export async function runConfig(context: CommandContext, options: ConfigOptions): Promise<number> {
  const change = readLimitsChange(options);
  const format = options.output ?? "table";
  if (!["table", "json", "yaml"].includes(format))
    throw new HomieError("Usage", `cannot print as ${JSON.stringify(format)}`, { hint: "-o takes json or yaml" });
  return await context.withClient("any", async (client) => {
    const changed = Object.keys(change).length > 0 ? await changeLimits(client, change) : undefined;
    const limits = changed?.limits ?? (await readLimits(client));
    const { output, errors } = context.terminal;
    const text =
      format === "json" ? renderJson(limits) : format === "yaml" ? await renderYaml(limits) : describeLimits(limits);
    await output.write(
      changed !== undefined && format === "table" ? `limits/default ${changed.action}\n${text}` : text,
    );
    if (changed !== undefined && client.mode === "offline")
      await errors.write("saved; in force when the daemon is up (`homie up -d`)\n");
    return exitCodes.ok;
  });
}

/** Throws HomieError Usage, with an example that works. */
export function readLimitsChange(options: ConfigOptions): LimitsChange {
  const { cpu, memory, disk, timeout, maxJobs, pids, runtime } = options;
  return {
    ...(cpu === undefined ? {} : { cpu: readCpu(cpu) }),
    ...(memory === undefined ? {} : { memory: readSize("--memory", memory) }),
    ...(disk === undefined ? {} : { disk: readSize("--disk", disk) }),
    ...(timeout === undefined ? {} : { timeoutSeconds: readSeconds(timeout) }),
    ...(maxJobs === undefined ? {} : { maxJobs: readWhole("--max-jobs", maxJobs) }),
    ...(pids === undefined ? {} : { pids: readWhole("--pids", pids) }),
    ...(runtime === undefined ? {} : { runtime: readRuntime(runtime) }),
  };
}

function wrong(flag: string, text: string, hint: string): HomieError {
  return new HomieError("Usage", `${flag} cannot be ${JSON.stringify(text)}`, { hint });
}

function readCpu(text: string): string | number {
  const hint = "cores as a number or in thousandths: --cpu 2, --cpu 0.5, --cpu 500m";
  if (/^\d{1,7}m$/u.test(text) && Number(text.slice(0, -1)) > 0) return text;
  if (!/^\d{1,4}(\.\d{1,3})?$/u.test(text) || Number(text) <= 0 || Number(text) > 1024)
    throw wrong("--cpu", text, hint);
  return Number(text);
}

function readSize(flag: string, text: string): string {
  // A bare number would be bytes, which nobody means.
  if (/^\d{1,9}(\.\d{1,3})?([kKmMgGtT]|[KMGT]i)$/u.test(text) && Number.parseFloat(text) > 0) return text;
  throw wrong(flag, text, `a size with its unit: ${flag} 4g, ${flag} 512m, ${flag} 4Gi`);
}

function readSeconds(text: string): number {
  const milliseconds = parseDuration(text);
  const seconds = milliseconds === undefined ? Number.NaN : milliseconds / 1000;
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds;
  throw wrong("--timeout", text, "seconds or a duration: --timeout 600, --timeout 10m, --timeout 2h");
}

function readWhole(flag: string, text: string): number {
  if (/^\d{1,9}$/u.test(text)) return Number(text);
  throw wrong(flag, text, `a whole number: ${flag} ${flag === "--pids" ? 512 : 4}`);
}

function readRuntime(text: string): string {
  if (text === "docker" || text === "process") return text;
  throw wrong("--runtime", text, "docker runs jobs in hardened containers, process without isolation (own jobs only)");
}
