import { surveySources } from "../adapters/project/list-sources.ts";
import type { Survey } from "../api/ports.ts";
import type { AttemptSources } from "../resources/attempt.ts";

const shownFiles = 5;
const shownSkipped = 20;

/** What would travel with a Job, in a few figures. `homieRoot` never travels. */
export async function surveyProject(sources: AttemptSources, signal: AbortSignal, homieRoot: string): Promise<Survey> {
  const { entries, skipped } = await surveySources(sources, signal, homieRoot);
  const files = entries.filter(({ kind }) => kind === "file");
  const largest = files
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, shownFiles)
    .map(({ path, bytes }) => ({ path, bytes }));
  return {
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    largest,
    skipped: skipped.slice(0, shownSkipped),
    skippedCount: skipped.length,
  };
}
