import { HomieError } from "../../resources/errors.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { changeLimits, readLimits } from "../limits-client.ts";
import { parseDuration, renderDuration } from "../render/duration.ts";
import { renderJson } from "../render/markup.ts";
import { parseMoment, renderTimestamp } from "../render/moment.ts";
import type { ApiObject } from "../render/objects.ts";
import { parseJsonOnly } from "../render/output-format.ts";

export interface SnoozeOptions {
  readonly until?: string;
  readonly off?: boolean;
  readonly output?: string;
}

/** Takes no new jobs for a while; what runs goes on. Without arguments says how it stands. */
export async function runSnooze(
  context: CommandContext,
  duration: string | undefined,
  options: SnoozeOptions,
): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const { output, errors, now } = context.terminal;
  const wish = readWish(duration, options, now());
  return await context.withClient("any", async (client) => {
    const before = await readLimits(client);
    const isChange = wish !== undefined && (wish !== null || before.spec?.["snoozedUntil"] !== undefined);
    const limits = isChange ? (await changeLimits(client, { snoozedUntil: wish })).limits : before;
    const until = snoozedUntil(limits, now());
    await output.write(asJson ? renderJson({ snoozedUntil: until ?? null }) : `${describe(until, now())}\n`);
    if (isChange && client.mode === "offline")
      await errors.write("saved; in force when the daemon is up (`homie up -d`)\n");
    return exitCodes.ok;
  });
}

/** A moment; null: no longer; undefined: nothing is asked for. */
function readWish(duration: string | undefined, options: SnoozeOptions, now: Date): string | null | undefined {
  const given = [duration, options.until, options.off].filter((one) => one !== undefined);
  if (given.length > 1)
    throw new HomieError("Usage", "a duration, --until and --off are three different wishes", {
      hint: "for example `homie snooze 2h`",
    });
  if (options.off === true) return null;
  if (duration !== undefined) return renderTimestamp(new Date(wholeSecond(now.getTime() + readDuration(duration))));
  if (options.until === undefined) return undefined;
  const moment = parseMoment(options.until);
  if (moment === undefined)
    throw new HomieError("Usage", `--until cannot be ${JSON.stringify(options.until)}`, {
      hint: "a moment with its time zone: --until 2026-12-24T18:00:00Z",
    });
  if (moment <= now)
    throw new HomieError("Usage", `${options.until} is over already`, { hint: "`homie snooze --off` ends a snooze" });
  return options.until;
}

const longestMs = 10 * 365 * 86_400_000;

function readDuration(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds >= 1000 && milliseconds <= longestMs) return milliseconds;
  throw new HomieError("Usage", `cannot snooze for ${JSON.stringify(text)}`, {
    hint: "from a second to ten years: `homie snooze 90m`, `homie snooze 2h`, `homie snooze 1d`",
  });
}

/** Undefined when it is over. */
function snoozedUntil({ spec }: ApiObject, now: Date): string | undefined {
  const until = spec?.["snoozedUntil"];
  return typeof until === "string" && Date.parse(until) > now.getTime() ? until : undefined;
}

function describe(until: string | undefined, now: Date): string {
  if (until === undefined) return "not snoozing: this machine takes jobs";
  return `takes no new jobs until ${until} (for ${renderDuration(wholeSecond(Date.parse(until) - now.getTime()))})`;
}

/** Rounded up: who snoozes for an hour is not told of 59 minutes. */
function wholeSecond(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000) * 1000;
}
