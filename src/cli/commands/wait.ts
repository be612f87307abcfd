import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { exitCodeOfJob } from "../job-exit-code.ts";
import { parseReference } from "../kinds.ts";
import { parseDuration } from "../render/duration.ts";
import { parsePathOnly } from "../render/output-format.ts";
import { safeLine } from "../render/safe-text.ts";
import { describeVerdict, waitForCondition } from "../wait-for.ts";
import type { Verdict, Wanted } from "../wait-for.ts";

export interface WaitOptions {
  readonly for: string;
  readonly timeout?: string;
  readonly exitCode?: boolean;
}

export async function runWait(
  context: CommandContext,
  words: readonly string[],
  options: WaitOptions,
): Promise<number> {
  const wanted = parseWanted(options.for);
  const timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  if (options.timeout !== undefined && timeoutMs === undefined) {
    throw new HomieError("Usage", `${JSON.stringify(options.timeout)} is no duration`, {
      hint: "for example 90s, 10m or 1h30m",
    });
  }
  const targets = words.map(parseReference);
  if (options.exitCode === true && (targets.length !== 1 || targets[0]?.kind.kind !== "Job")) {
    throw new HomieError("Usage", "--exit-code speaks of one job");
  }
  const deadline = timeoutMs === undefined ? undefined : context.terminal.now().getTime() + timeoutMs;
  return await context.withClient("daemon", async (client) => {
    let exitCode: number = exitCodes.ok;
    for (const { kind, name } of targets) {
      const verdict = await waitForCondition(context.terminal, client, { kind, name, wanted, deadline });
      exitCode = Math.max(exitCode, await announce(context, `${kind.kind.toLowerCase()}/${name}`, verdict, options));
    }
    return exitCode;
  });
}

/** Throws HomieError Usage. */
export function parseWanted(text: string): Wanted {
  const [name = "", ...rest] = text.split("=");
  const value = rest.join("=");
  const shortcut = { finished: "Finished", complete: "Complete", failed: "Failed" }[text.toLowerCase()];
  if (shortcut !== undefined) return { type: "condition", name: shortcut, value: "True" };
  if (text === "delete") return { type: "delete" };
  const parse = value === "" ? undefined : wishes[name];
  if (parse !== undefined) return parse(value);
  throw new HomieError("Usage", `cannot wait for ${JSON.stringify(text)}`, {
    hint: "--for takes finished, complete, failed, delete, condition=X[=V], phase=P or jsonpath='{...}'=V",
  });
}

const wishes: Readonly<Record<string, (value: string) => Wanted>> = {
  phase: (phase) => ({ type: "phase", phase }),
  condition: (text) => {
    const [name = "", value = "True"] = text.split("=");
    return { type: "condition", name, value };
  },
  jsonpath: parseJsonpathWish,
};

function parseJsonpathWish(text: string): Wanted {
  const parts = /^(?<path>\{.*\}|[^={}]+)(?:=(?<value>.*))?$/su.exec(text)?.groups;
  const steps = parsePathOnly(parts?.["path"] ?? text);
  return parts?.["value"] === undefined
    ? { type: "jsonpath", steps }
    : { type: "jsonpath", steps, value: parts["value"].replace(/^(["'])(.*)\1$/su, "$2") };
}

async function announce(
  context: CommandContext,
  reference: string,
  verdict: Verdict,
  options: WaitOptions,
): Promise<number> {
  const { output, errors } = context.terminal;
  if (options.for === "delete") await output.write(`${safeLine(reference)} deleted\n`);
  else if (verdict.outcome === "met") await output.write(`${describeVerdict(reference, verdict)}\n`);
  else
    await errors.write(
      `error: ${describeVerdict(reference, verdict)}; --for=${safeLine(options.for)} can no longer come true\n`,
    );
  if (options.exitCode === true && verdict.object !== undefined) return exitCodeOfJob(verdict.object);
  return verdict.outcome === "met" ? exitCodes.ok : exitCodes.error;
}
