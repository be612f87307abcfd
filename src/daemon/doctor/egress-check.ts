import { whyNoFilter } from "../../adapters/egress/filter.ts";
import { type Check, ok, warn } from "./check.ts";

/** Whether Jobs that may reach out can be kept to the internet. Nothing else needs it. */
export async function checkEgress(): Promise<Check> {
  const problem = await whyNoFilter();
  if (problem === undefined) return ok("egress", "jobs with network: egress can be kept to the internet");
  return warn("egress", `${problem.message}; jobs with network: egress are refused`, problem.hint);
}
