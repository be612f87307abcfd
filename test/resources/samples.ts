import { parseManifests } from "../../src/resources/parse.ts";
import type { Problem } from "../../src/resources/documents.ts";

/** A Job with the given lines below `spec:`. */
export function jobText(...specLines: readonly string[]): string {
  const lines = ["apiVersion: homie.dev/v1", "kind: Job", "metadata:", "  name: x", "spec:"];
  return [...lines, ...specLines.map((line) => `  ${line}`), ""].join("\n");
}

/** A document of any kind with one spec line. */
export function kindText(kind: string, ...specLines: readonly string[]): string {
  return jobText(...specLines)
    .replace("kind: Job", `kind: ${kind}`)
    .replace("name: x", kind === "Limits" ? "name: default" : "name: x");
}

export function problemsOf(text: string | Uint8Array): readonly Problem[] {
  return parseManifests(text, "job.yaml").problems;
}

/** Everything a problem says, in one line. */
export function said(problem: Problem | undefined): string {
  if (problem === undefined) return "(no problem)";
  return `${problem.line}:${problem.column} ${problem.path}: ${problem.message}; ${problem.hint ?? ""}`;
}
