import type { Problem } from "../resources/documents.ts";
import type { Client } from "./client.ts";
import { renderProblem } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

const mostShown = 20;

/** Says on stderr what is wrong in desired/: files that were left alone and so do not show in any listing. */
export async function printProblems(terminal: Terminal, client: Client): Promise<void> {
  const { items } = await client.call<{ readonly items: readonly Problem[] }>({ path: "/homie/v1/problems" });
  if (items.length === 0) return;
  const lines = items.slice(0, mostShown).map((problem) => `${renderProblem(problem)}\n`);
  const more = items.length > mostShown ? `... and ${items.length - mostShown} more\n` : "";
  await terminal.errors.write(lines.join("") + more);
}
