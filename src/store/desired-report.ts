import type { EventRecorder, Logger } from "../reconciler/types.ts";
import type { Problem } from "../resources/documents.ts";
import { declaredKinds } from "../resources/kinds.ts";
import type { Key } from "../resources/types.ts";
import type { DesiredDiff, HoldReason } from "./desired-diff.ts";
import { idOf, isDeclaredKind } from "./object-drafts.ts";
import type { ObjectTable } from "./object-table.ts";

/** A lost directory of thousands does not bury every other event. */
const eventsPerProblem = 50;

/** Tells people once about each new problem: in the log and as a Warning on every object it holds. */
export interface DesiredReport {
  take(diff: DesiredDiff): void;
  problems(): readonly Problem[];
}

export function createDesiredReport(options: {
  readonly table: ObjectTable;
  readonly events: EventRecorder;
  readonly log: Logger;
}): DesiredReport {
  const { table, events, log } = options;
  const told = new Set<string>();
  const newest: Problem[] = [];
  return {
    take: (diff) => {
      const present = new Set(diff.problems.map(identityOf));
      for (const identity of told) if (!present.has(identity)) told.delete(identity);
      newest.splice(0, newest.length, ...diff.problems);
      for (const problem of diff.problems) {
        if (told.has(identityOf(problem))) continue;
        told.add(identityOf(problem));
        const message = renderProblem(problem);
        log.warn(message, { file: problem.file, line: problem.line });
        for (const key of touchedObjects(problem, diff, table))
          events.record(key, "Warning", reasonFor(problem, key, diff), message);
      }
    },
    problems: () => [...newest],
  };
}

/** `jobs/a.yaml:3:5: spec.imgae: unknown field "imgae"; did you mean "image"?` */
export function renderProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const field = problem.path === "" ? "" : `${problem.path}: `;
  return `${place}: ${field}${problem.message}${problem.hint === undefined ? "" : `; ${problem.hint}`}`;
}

function identityOf(problem: Problem): string {
  return JSON.stringify([problem.file, problem.line, problem.column, problem.path, problem.message]);
}

function touchedObjects(problem: Problem, diff: DesiredDiff, table: ObjectTable): readonly Key[] {
  if (isDeclaredKind(problem.kind) && problem.name !== undefined) return [{ kind: problem.kind, name: problem.name }];
  const held = new Set(
    diff.decisions.filter((decision) => decision.type === "hold").map((decision) => idOf(decision.key)),
  );
  if (held.size === 0) return [];
  return declaredKinds
    .flatMap((kind) => table.list(kind))
    .filter(({ object, source }) => {
      if (source === undefined || !held.has(`${object.kind}/${object.metadata.name}`)) return false;
      return source.file === problem.file || source.file.startsWith(`${problem.file}/`);
    })
    .slice(0, eventsPerProblem)
    .map(({ object }) => ({ kind: object.kind, name: object.metadata.name }));
}

const eventReasons: Readonly<Record<HoldReason, string>> = {
  FileHasProblem: "InvalidManifest",
  FileEmptied: "FileEmptied",
  Unreadable: "FileUnreadable",
  DirectoryVanished: "DirectoryVanished",
  Conflict: "Conflict",
};

function reasonFor(problem: Problem, key: Key, diff: DesiredDiff): string {
  const hold = diff.decisions.find((decision) => decision.type === "hold" && idOf(decision.key) === idOf(key));
  if (hold?.type === "hold") return eventReasons[hold.reason];
  return problem.message.startsWith("Conflict:") ? "Conflict" : "InvalidManifest";
}
