import { cidrProblem, dialableProblem, hostPortProblem } from "./address-rules.ts";
import { fieldIssue } from "./field-issue.ts";
import type { FieldIssue } from "./field-issue.ts";
import { jobRules } from "./job-rules.ts";
import type { JobSpec } from "./job.ts";
import type { LimitsSpec } from "./limits.ts";
import type { NetworkSpec } from "./network.ts";
import type { PeerSpec } from "./peer.ts";
import { quantityIssues } from "./quantity-rules.ts";
import type { DeclaredKind } from "./types.ts";

/** Rules that JSON Schema cannot say; they may rely on the schema having passed. */
export function specIssues(kind: DeclaredKind, spec: unknown): readonly FieldIssue[] {
  switch (kind) {
    case "Job":
      return jobRules(spec as JobSpec);
    case "Limits":
      return limitsRules(spec as LimitsSpec);
    case "Network":
      return networkRules(spec as NetworkSpec);
    case "Peer":
      return peerRules(spec as PeerSpec);
  }
}

function limitsRules(spec: LimitsSpec): readonly FieldIssue[] {
  const issues = [
    ...quantityIssues(["spec", "cpu"], "cpu", spec.cpu),
    ...quantityIssues(["spec", "memory"], "memory", spec.memory),
    ...quantityIssues(["spec", "disk"], "disk", spec.disk),
  ];
  const until = spec.snoozedUntil;
  if (until !== undefined && Number.isNaN(Date.parse(until))) {
    issues.push(fieldIssue(["spec", "snoozedUntil"], "is not a date that exists", "for example: 2026-12-24T18:00:00Z"));
  }
  const zone = spec.schedule?.timeZone;
  if (zone !== undefined && !isTimeZone(zone)) {
    issues.push(fieldIssue(["spec", "schedule", "timeZone"], "is not a known time zone", "for example: Europe/Berlin"));
  }
  return issues;
}

function networkRules(spec: NetworkSpec): readonly FieldIssue[] {
  return [
    ...problemAt(["spec", "cidr"], spec.cidr === undefined ? undefined : cidrProblem(spec.cidr)),
    ...problemAt(
      ["spec", "endpoint"],
      spec.endpoint === undefined ? undefined : hostPortProblem(spec.endpoint, { portRequired: true }),
    ),
  ];
}

function peerRules(spec: PeerSpec): readonly FieldIssue[] {
  const address = spec.address === undefined ? undefined : dialableProblem(spec.address);
  const endpoints = (spec.endpoints ?? []).flatMap((endpoint, index) =>
    problemAt(["spec", "endpoints", index], hostPortProblem(endpoint, { portRequired: true })),
  );
  return [...problemAt(["spec", "address"], address), ...endpoints];
}

function problemAt(segments: readonly (string | number)[], problem: string | undefined): readonly FieldIssue[] {
  return problem === undefined ? [] : [fieldIssue(segments, problem)];
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false; // RangeError is how Intl says no
  }
}
