import type { PathExplanation, PathTry } from "../../resources/network-report.ts";
import type { Paint } from "./colours.ts";
import { renderDuration } from "./duration.ts";
import { connectionWords, renderNat } from "./network.ts";
import { safeLine } from "./safe-text.ts";
import { renderTable } from "./table.ts";

const ways: Readonly<Record<PathTry["kind"], string>> = {
  lan: "lan",
  public: "public address",
  mapped: "mapped port",
  seen: "through NAT",
  relay: "relay",
};

/** How packets go to a peer, which ways were tried, and what comes next. */
export function renderPathExplanation(
  explanation: PathExplanation,
  layout: { readonly maxWidth: number; readonly paint: Paint },
): string {
  const { peer, nat, tries, nextTrySeconds, words } = explanation;
  const how = explanation.connection === "none" ? "no tunnel works" : connectionWords(explanation);
  const head = `mesh to ${peer}: ${how} (here: ${renderNat(nat.you)}; there: ${renderNat(nat.peer)})`;
  const sentences = [head, ...words.map((sentence) => `  ${sentence}`)];
  const next = nextTrySeconds === undefined ? "" : `next try in ${renderDuration(nextTrySeconds * 1000)}\n`;
  return `${sentences.map((line) => `${safeLine(line)}\n`).join("")}${renderTries(tries, layout)}${next}`;
}

function renderTries(tries: readonly PathTry[], layout: { readonly maxWidth: number; readonly paint: Paint }): string {
  if (tries.length === 0) return "";
  const rows = tries.map((one) => [
    ways[one.kind],
    one.endpoint,
    one.result,
    one.secondsAgo === undefined ? "-" : `${renderDuration(one.secondsAgo * 1000)} ago`,
    one.why ?? "-",
  ]);
  return `\n${renderTable(["Way", "Endpoint", "Result", "When", "Why"], rows, layout)}`;
}
