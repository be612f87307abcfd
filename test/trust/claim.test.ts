import { describe, expect, it } from "vitest";
import { deriveGroupKeys } from "../../src/trust/group-secret.ts";
import { isSealed, parseClaim, sealMessage, type ClaimMessage } from "../../src/trust/claim.ts";
import { parseOffer } from "../../src/trust/offer.ts";
import { parseAttemptReport } from "../../src/trust/attempt-report.ts";
import { unsafeNameReason } from "../../src/tar/names.ts";

const node = "abcdefghijklmnopqrstuvwxy";
const claim: ClaimMessage = {
  job: { name: "train", uid: "11111111-1111-4111-8111-111111111111", generation: 1 },
  attempt: 1,
  executor: node,
  image: "python:3.12",
  argv: ["python3", "train.py"],
  env: [{ name: "EPOCHS", value: "10" }],
  workingDir: "",
  network: "none",
  resources: { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 30 },
  outputs: [{ paths: ["*.pkl"], exclude: [], required: true, when: "Always" }],
  guarantee: "AtLeastOnce",
  leaseSeconds: 90,
  priority: 0,
};
const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const lies: readonly [string, object][] = [
  ["no program", { argv: [] }],
  ["an empty program", { argv: [""] }],
  ["a NUL in an argument", { argv: ["a\0b"] }],
  ["a variable that is no name", { env: [{ name: "LD_PRELOAD=x;", value: "" }] }],
  ["a working directory that climbs out", { workingDir: "../.." }],
  ["an absolute working directory", { workingDir: "/work/job/../../etc" }],
  ["a network nobody has", { network: "host" }],
  ["no processors", { resources: { ...claim.resources, cpu: 0 } }],
  ["less than no memory", { resources: { ...claim.resources, memoryBytes: -1 } }],
  ["half a byte of disk", { resources: { ...claim.resources, diskBytes: 2 ** 30 + 0.5 } }],
  ["a glob that climbs out", { outputs: [{ ...claim.outputs[0], paths: ["../*"] }] }],
  ["a job name that is none", { job: { ...claim.job, name: "../../etc" } }],
  ["a uid that is a path", { job: { ...claim.job, uid: "../../../../etc/passwd00000000000000" } }],
  ["attempt zero", { attempt: 0 }],
  ["a lease of a day", { leaseSeconds: 86_400 }],
  ["an image that is an option", { image: "--privileged" }],
  ["an executor that is no node", { executor: "me" }],
  ["a number that is text", { attempt: "1" }],
];

describe("claims of other machines", () => {
  it("come through as they were meant", () => {
    expect(parseClaim(bytesOf(claim))).toEqual({ ok: true, claim });
  });

  it.each(lies)("%s is refused, with the field", (_title, lie) => {
    const outcome = parseClaim(bytesOf({ ...claim, ...lie }));
    expect(outcome).toMatchObject({ ok: false, problem: expect.stringContaining(Object.keys(lie)[0] ?? "") });
  });

  it("are refused in any other writing of the same JSON", () => {
    for (const text of [JSON.stringify(claim, undefined, 1), ` ${JSON.stringify(claim)}`, "[".repeat(50), ""])
      expect(parseClaim(Buffer.from(text)).ok).toBe(false);
  });
});

describe("seals", () => {
  const keys = deriveGroupKeys("the secret of a group");
  const message = { purpose: "claim", from: "alice", to: "bob", bytes: bytesOf(claim) } as const;
  const seal = sealMessage(keys, message);

  it("fit what they were made for", () => {
    expect(isSealed(keys, message, seal)).toBe(true);
  });

  it.each([
    ["another purpose", { ...message, purpose: "offer" as const }],
    ["another submitter", { ...message, from: "mallory" }],
    ["another executor", { ...message, to: "carol" }],
    ["one altered byte", { ...message, bytes: bytesOf({ ...claim, attempt: 2 }) }],
  ])("do not fit %s", (_title, other) => {
    expect(isSealed(keys, other, seal)).toBe(false);
  });

  it("do not fit under another secret, and garbage fits nothing", () => {
    expect(isSealed(deriveGroupKeys("another secret"), message, seal)).toBe(false);
    for (const garbage of ["", "AAAA", "x".repeat(44)]) expect(isSealed(keys, message, garbage)).toBe(false);
  });
});

describe("offers", () => {
  const name = `${claim.job.uid}-1`;
  const offer = { attempt: name, inputs: { entries: 1, bytes: 3, chunks: [{ sha256: "a".repeat(64), bytes: 90 }] } };

  it("name their attempt, and are good for no other", () => {
    expect(parseOffer(bytesOf(offer), name)).toEqual({ inputs: offer.inputs });
    expect(parseOffer(bytesOf(offer), `${claim.job.uid}-2`)).toContain("attempt");
  });

  it.each([
    ["a hash that is a path", { chunks: [{ sha256: "../".repeat(21) + "x", bytes: 1 }] }],
    ["more entries than there may be", { entries: 200_000 }],
    ["a chunk of a gigabyte", { chunks: [{ sha256: "a".repeat(64), bytes: 2 ** 30 }] }],
  ])("with %s are refused", (_title, lie) => {
    expect(typeof parseOffer(bytesOf({ ...offer, inputs: { ...offer.inputs, ...lie } }), name)).toBe("string");
  });
});

describe("reports of executors", () => {
  const rules = { rules: 1, maxOutputBytes: 1_000, nameProblem: unsafeNameReason };
  const output = { path: "a/model.pkl", bytes: 10, sha256: "b".repeat(64), rule: 0, executable: false };
  const report = { phase: "Finished", createdAt: "2026-01-01T00:00:00Z", reason: "Completed", outputs: [output] };

  it("come through as they were meant", () => {
    expect(parseAttemptReport(report, rules)).toEqual(report);
  });

  it.each([
    ["a name that climbs out", { outputs: [{ ...output, path: "../../.ssh/authorized_keys" }] }],
    ["an absolute name", { outputs: [{ ...output, path: "/etc/passwd" }] }],
    ["a name with an escape sequence", { outputs: [{ ...output, path: "\u001b[2J" }] }],
    ["one file twice", { outputs: [output, output] }],
    ["a rule there is not", { outputs: [{ ...output, rule: 1 }] }],
    ["more bytes than the disk limit", { outputs: [{ ...output, bytes: 1_001 }] }],
    ["a hash that is none", { outputs: [{ ...output, sha256: "B".repeat(64) }] }],
    ["a phase of its own", { phase: "Excellent" }],
    ["a reason of its own", { reason: "PeerLost" }],
    ["a time that is none", { startedAt: "yesterday" }],
  ])("with %s are refused", (_title, lie) => {
    expect(typeof parseAttemptReport({ ...report, ...lie }, rules)).toBe("string");
  });

  it("have no text that a terminal would obey", () => {
    const parsed = parseAttemptReport({ ...report, message: "\u001b[31mred\u202e" }, rules);
    expect(parsed).toMatchObject({ message: "\ufffd[31mred\ufffd" });
  });
});
