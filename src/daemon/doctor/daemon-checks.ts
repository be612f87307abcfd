import type { FoundDaemon } from "../../cli/transport.ts";
import { describeSkews, tolerableSkewMs } from "../peer-clocks.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** What only the daemon knows. Nothing where none runs: that is no fault. */
export function checkDaemon({ report, failure }: FoundDaemon): readonly Check[] {
  if (failure !== undefined)
    return [fail("daemon", failure, "look at run/homie.log; restart it with `homie down` and `homie up -d`")];
  const { clocks = [] } = report ?? {};
  if (clocks.length === 0) return [];
  const skews = describeSkews(clocks);
  const hint = "jobs are not harmed, but times in logs and tables mislead: run a time service (NTP) on both machines";
  if (skews.length > 0) return skews.map((message) => warn("clocks", message, hint));
  const peers = clocks.map(({ peer }) => peer).join(", ");
  return [ok("clocks", `within ${tolerableSkewMs / 1_000} s of ${peers}`)];
}
