import type { Attempt } from "../../resources/attempt.ts";
import type { Exited } from "./classify.ts";
import type { Runtime } from "./ports.ts";

/** 128 + SIGKILL, which is what the kernel ends a program with that has no memory left. */
const exitKilled = 137;

/**
 * An engine hears of an end and of the lack of memory behind it on two ways, so its mark may come a moment later: who was
 * killed, and not by homie, is asked about once more when its files are home.
 */
export async function withLateMark(
  runtime: Pick<Runtime, "inspect">,
  attempt: Attempt,
  facts: Exited,
): Promise<Exited> {
  const isExplained = facts.oomKilled || facts.signal !== undefined || attempt.status?.stopIntent !== undefined;
  if (facts.exitCode !== exitKilled || isExplained) return facts;
  const now = await runtime.inspect(attempt);
  return now.phase === "exited" ? { ...facts, oomKilled: now.oomKilled } : facts;
}
