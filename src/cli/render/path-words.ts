import type { PathExplanation, PathTry } from "../../resources/network-report.ts";
import type { Paint } from "./colours.ts";
import { renderDuration } from "./duration.ts";
import { connectionWords, renderNat } from "./network.ts";
import { safeLine } from "./safe-text.ts";
import { renderTable } from "./table.ts";
import { wrapAfter } from "./wrap.ts";

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
  const sentences = words.map((sentence) => wrapAfter("  ", safeLine(sentence), layout.maxWidth));
  const next = nextTrySeconds === undefined ? "" : `next try in ${renderDuration(nextTrySeconds * 1000)}\n`;
  return [wrapAfter("", safeLine(head), layout.maxWidth), ...sentences, renderTries(tries, layout), next].join("");
}

function renderTries(tries: readonly PathTry[], layout: { readonly maxWidth: number; readonly paint: Paint }): string {
  if (tries.length === 0) return "";
  const rows = tries.map((one) => [
    ways[one.kind],
    one.endpoint,
    one.result,
    one.secondsAgo === undefined ? "-" : `${renderDuration(one.secondsAgo * 1000)} ago`,
  ]);
  const [head, ...lines] = renderTable(["Way", "Endpoint", "Result", "When"], rows, layout).trimEnd().split("\n");
  // A reason is a sentence: too long for a column, too much worth to be cut.
  const told = lines.map(
    (line, index) => `${line}\n${wrapAfter("    ", safeLine(tries[index]?.why ?? ""), layout.maxWidth)}`,
  );
  return `\n${head ?? ""}\n${told.join("")}`;
}
