import type { Survey } from "../../api/ports.ts";
import type { AttemptSources } from "../../resources/attempt.ts";
import type { Client } from "../client.ts";
import { renderBytes } from "../render/duration.ts";
import { safeLine } from "../render/safe-text.ts";

const worthAWarning = 500 * 1024 ** 2;
const shownInLine = 3;

export async function askSurvey(client: Client, sources: AttemptSources): Promise<Survey> {
  return await client.call<Survey>({ method: "POST", path: "/homie/v1/surveys", body: { sources } });
}

/** "14 files, 1.2 MiB (largest: data.csv 1.1 MiB, train.py 12 KiB)" */
export function describeSurvey({ files, bytes, largest }: Survey): string {
  const size = `${files} ${files === 1 ? "file" : "files"}, ${renderBytes(bytes)}`;
  if (files < 2) return files === 0 ? "no files" : size;
  const names = largest.slice(0, shownInLine).map((file) => `${file.path} ${renderBytes(file.bytes)}`);
  return `${size} (largest: ${names.join(", ")})`;
}

/** What a person should know before it travels, a line each. */
export function surveyWarnings({ bytes, skipped, skippedCount }: Survey): readonly string[] {
  const first = skipped
    .slice(0, shownInLine)
    .map(({ path, reason }) => `${path} (${reason})`)
    .join(", ");
  const more = skippedCount > shownInLine ? ` and ${skippedCount - shownInLine} more` : "";
  return [
    ...(skippedCount === 0 ? [] : [`not sent: ${first}${more}`]),
    ...(bytes <= worthAWarning
      ? []
      : [`${renderBytes(bytes)} is much to send; .homieignore leaves out what the job does not need`]),
  ].map((text) => `warning: ${safeLine(text)}\n`);
}

/** For --dry-run: all figures. */
export function renderSurvey(survey: Survey): string {
  const sizes = survey.largest.map(({ bytes }) => renderBytes(bytes));
  const width = Math.max(0, ...sizes.map((size) => size.length));
  const lines = survey.largest.map(
    ({ path }, index) => `  ${(sizes[index] ?? "").padStart(width)}  ${safeLine(path)}\n`,
  );
  const head = `would send ${survey.files} ${survey.files === 1 ? "file" : "files"}, ${renderBytes(survey.bytes)}`;
  const more = survey.files > lines.length ? ", the largest:" : ":";
  return `${head}${lines.length === 0 ? "" : more}\n${lines.join("")}${surveyWarnings(survey).join("")}`;
}
