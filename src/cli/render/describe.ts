import { renderAge, renderBytes, renderDuration } from "./duration.ts";
import { renderValue } from "./jsonpath.ts";
import type { ApiObject } from "./objects.ts";
import { readPlacement, renderDecision, renderPlacement } from "./placement.ts";
import { safeBlock, safeLine } from "./safe-text.ts";
import { stringWidth } from "./string-width.ts";
import { renderTable } from "./table.ts";

/** core/v1 Event, as far as it is shown. */
export interface ApiEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Everything known about one object, for people: fields first, then the tables that explain how it got here. */
export function describeObject(object: ApiObject, events: readonly ApiEvent[], now: Date): string {
  const { metadata, spec = {}, status = {} } = object;
  const { conditions, attempts, placement, outputs, ...plainStatus } = status;
  const head = renderFields({
    Name: metadata.name,
    Kind: object.kind,
    Labels: renderPairs(metadata.labels),
    Annotations: renderPairs(metadata.annotations),
    Created: renderMoment(metadata.creationTimestamp, now),
    Deleting: renderMoment(metadata.deletionTimestamp, now),
    Generation: metadata.generation,
    Uid: metadata.uid,
  });
  return [
    head,
    section("Spec", renderTree(spec, "  ", now)),
    section("Status", renderTree(plainStatus, "  ", now)),
    section("Outputs", renderOutputs(asList(outputs))),
    section("Placement", describePlacement(placement, now)),
    section("Attempts", renderAttempts(asList(attempts), now)),
    section("Conditions", renderConditions(asList(conditions), now)),
    `Events:${events.length === 0 ? " <none>\n" : `\n${indent(renderEvents(events, now))}`}`,
  ].join("");
}

function section(title: string, body: string): string {
  return body === "" ? "" : `${title}:\n${body}`;
}

function renderFields(fields: Fields): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  return shown.map(([name, value]) => `${`${name}:`.padEnd(14)}${safeLine(String(value))}\n`).join("");
}

function renderPairs(pairs: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(pairs ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

function renderMoment(timestamp: unknown, now: Date): string {
  return typeof timestamp === "string" ? `${timestamp} (${renderAge(timestamp, now)} ago)` : "";
}

/** Nested fields as indented lines, close to YAML but aligned and with times and sizes made readable. */
function renderTree(value: Fields, margin: string, now: Date): string {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const width = Math.max(
    0,
    ...entries.filter(([, inner]) => !isNested(inner)).map(([name]) => stringWidth(safeLine(name)) + 1),
  );
  return entries
    .map(([name, inner]) => {
      const label = `${margin}${safeLine(name)}:`;
      if (!isNested(inner))
        return `${label}${" ".repeat(Math.max(0, width - stringWidth(safeLine(name)) - 1) + 1)}${renderScalar(name, inner, margin, now)}\n`;
      const body = Array.isArray(inner)
        ? renderItems(inner, `${margin}  `, now)
        : renderTree(inner as Fields, `${margin}  `, now);
      return `${label}\n${body}`;
    })
    .join("");
}

function isNested(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => typeof item === "object" && item !== null);
  return typeof value === "object" && value !== null;
}

function renderItems(items: readonly unknown[], margin: string, now: Date): string {
  return items
    .map((item) => {
      const text = isNested(item)
        ? renderTree(item as Fields, `${margin}  `, now)
        : `${margin}  ${renderScalar("", item, margin, now)}\n`;
      return `${margin}- ${text.slice(margin.length + 2)}`;
    })
    .join("");
}

function renderScalar(name: string, value: unknown, margin: string, now: Date): string {
  if (Array.isArray(value)) return value.map((item) => safeLine(String(item))).join(" ");
  if (typeof value === "number" && /bytes$/iu.test(name)) return `${value} (${renderBytes(value)})`;
  if (typeof value !== "string") return String(value);
  if (/(Time|At)$/u.test(name)) return safeLine(renderMoment(value, now));
  const lines = safeBlock(value).split("\n");
  return lines.length === 1 ? safeLine(value) : lines.map((line) => `\n${margin}    ${line}`).join("");
}

function renderOutputs(outputs: readonly Fields[]): string {
  const rows = outputs.map((file) => [
    file["path"],
    renderBytes(Number(file["bytes"])),
    renderValue(file["sha256"]).slice(0, 12),
  ]);
  return rows.length === 0 ? "" : indent(renderTable(["Path", "Size", "Sha256"], rows));
}

function renderAttempts(attempts: readonly Fields[], now: Date): string {
  const rows = attempts.map((one) => [
    one["attempt"],
    one["peer"],
    one["phase"],
    one["reason"],
    one["exitCode"],
    renderAge(one["startTime"], now),
    renderRuntime(one),
  ]);
  return rows.length === 0
    ? ""
    : indent(renderTable(["Number", "Peer", "Phase", "Reason", "Exit", "Started", "Ran"], rows));
}

function renderRuntime(attempt: Fields): string {
  const milliseconds = Date.parse(String(attempt["completionTime"])) - Date.parse(String(attempt["startTime"]));
  return Number.isNaN(milliseconds) ? "" : renderDuration(milliseconds);
}

function renderConditions(conditions: readonly Fields[], now: Date): string {
  const rows = conditions.map((one) => [
    one["type"],
    one["status"],
    one["reason"],
    renderAge(one["lastTransitionTime"], now),
    one["message"],
  ]);
  return rows.length === 0 ? "" : indent(renderTable(["Type", "Status", "Reason", "Since", "Message"], rows));
}

function describePlacement(value: unknown, now: Date): string {
  const placement = readPlacement(value);
  if (placement === undefined) return "";
  const decided = renderDecision(placement, now);
  return indent(`${decided === "" ? "" : `${decided}\n`}${renderPlacement(placement)}`);
}

function renderEvents(events: readonly ApiEvent[], now: Date): string {
  const rows = events.map((one) => [
    one.type,
    one.reason,
    `${renderAge(one.lastTimestamp, now)}${(one.count ?? 1) > 1 ? ` (x${one.count ?? 1})` : ""}`,
    one.message,
  ]);
  return renderTable(["Type", "Reason", "Age", "Message"], rows);
}

function asList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : [];
}

function indent(block: string): string {
  return block.replace(/^(?=.)/gmu, "  ");
}
