import { posix } from "node:path";
import { checkRoot, ListCheck } from "../../../src/adapters/inputs/check-list.ts";
import { readClaimAnswer, readLacking } from "../../../src/daemon/remote/read-answers.ts";
import type { InputEntry, InputRoot } from "../../../src/resources/attempt.ts";
import { canonicalJson } from "../../../src/resources/canonical.ts";
import { unsafeNameReason } from "../../../src/tar/names.ts";
import { parseAttemptReport } from "../../../src/trust/attempt-report.ts";
import { parseClaim, type ClaimMessage } from "../../../src/trust/claim.ts";
import { parseOffer } from "../../../src/trust/offer.ts";
import {
  dnsLabel,
  jsonMutants,
  jsonOf,
  must,
  mustBeSayable,
  mutants,
  pack,
  refusable,
  unpack,
  type FuzzTarget,
  type Source,
} from "../target.ts";

const uid = "11111111-1111-4111-8111-111111111111";
const hash = "a".repeat(64);
const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const sourcesOf = (...values: readonly unknown[]): readonly Source[] => [
  jsonMutants(values),
  mutants(values.map(bytesOf)),
];

const claim: ClaimMessage = {
  ...{
    job: { name: "train", uid, generation: 1 },
    attempt: 1,
    executor: "abcdefghijklmnopqrstuvwxy",
    image: "python:3.12",
  },
  ...{ argv: ["python3", "train.py"], env: [{ name: "EPOCHS", value: "10" }], workingDir: "src", network: "none" },
  ...{
    resources: { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 30 },
    gpu: { count: 1, model: "RTX" },
    timeoutSeconds: 60,
  },
  outputs: [{ paths: ["*.pkl"], exclude: ["tmp/**"], required: true, when: "Always" }],
  ...{ guarantee: "AtLeastOnce", leaseSeconds: 90, priority: 0 },
};

export function claimTarget(): FuzzTarget {
  return {
    name: "claim",
    share: 30,
    sources: sourcesOf(claim),
    check(input) {
      const outcome = parseClaim(input);
      if (!outcome.ok) {
        mustBeSayable(outcome.problem);
        return "refused";
      }
      const { job, argv, env, workingDir, outputs, resources } = outcome.claim;
      must(dnsLabel.test(job.name) && /^[0-9a-f-]{36}$/.test(job.uid), "a job without a name");
      must(
        argv.length > 0 &&
          [...argv, ...env.flatMap(({ name, value }) => [name, value])].every((each) => !each.includes("\0")),
        "a program that cannot be started",
      );
      must(
        env.every(({ name }) => /^[A-Za-z_]\w*$/.test(name)),
        "a variable without a name",
      );
      must(
        `${posix.resolve("/work/job", workingDir)}/`.startsWith("/work/job/"),
        "a working directory outside the job",
      );
      must(
        outputs
          .flatMap(({ paths, exclude }) => [...paths, ...exclude])
          .every((glob) => !glob.startsWith("/") && !glob.split("/").includes("..")),
        "outputs outside the job",
      );
      must(
        Object.values(resources).every((each) => each > 0 && each <= 2 ** 50),
        "resources that cannot be",
      );
      return "accepted";
    },
  };
}

export function offerTarget(): FuzzTarget {
  const attempt = `${uid}-1`;
  const image = { imageId: `sha256:${hash}`, platform: "linux/amd64", layers: [`sha256:${hash}`], bytes: 3 };
  const offer = { attempt, inputs: { entries: 2, bytes: 3, chunks: [{ sha256: hash, bytes: 90 }] }, image };
  return {
    name: "offer",
    share: 30,
    sources: sourcesOf(offer),
    check(input) {
      const parsed = parseOffer(input, attempt);
      if (typeof parsed === "string") {
        mustBeSayable(parsed);
        return "refused";
      }
      must(parsed.inputs.chunks.length <= 4_096 && parsed.inputs.bytes <= 2 ** 50, "an offer without end");
      must(
        parsed.inputs.chunks.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256)),
        "a digest that is none",
      );
      return "accepted";
    },
  };
}

/** Digests of files, chunk by chunk, as an executor takes them from a submitter. */
export function inputListTarget(): FuzzTarget {
  const directory: InputEntry = { path: "d", kind: "directory", bytes: 0, executable: false, mtimeMs: 1 };
  const file: InputEntry = { path: "d/a.py", kind: "file", bytes: 3, executable: true, mtimeMs: 2, sha256: hash };
  const list = [directory, file, { ...file, path: "e.txt" }];
  const root: InputRoot = { entries: 3, bytes: 6, chunks: [{ sha256: "b".repeat(64), bytes: 300 }] };
  const corpus = [pack([bytesOf(root), Buffer.from(canonicalJson(list))])];
  const lists = jsonMutants([list], (json) => pack([bytesOf(root), Buffer.from(canonicalJson(jsonOf(json) ?? null))]));
  return {
    name: "input-list",
    share: 20,
    sources: [lists, mutants(corpus)],
    check: (input) =>
      refusable(["InputsRejected"], () => {
        const [head = Buffer.alloc(0), ...chunks] = unpack(input);
        const told = jsonOf(head) as InputRoot;
        checkRoot(told);
        const check = new ListCheck(told);
        for (const chunk of chunks) check.add(chunk);
        for (const { path } of check.finish())
          must(posix.resolve("/root", path) === `/root/${path}`, `${JSON.stringify(path)} leaves its root`);
      }),
  };
}

export function reportTarget(): FuzzTarget {
  const rules = { rules: 2, maxOutputBytes: 1_000, nameProblem: unsafeNameReason };
  const output = { path: "a/model.pkl", bytes: 10, sha256: hash, rule: 0, executable: false };
  const report = {
    ...{ phase: "Finished", createdAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:00.123456789Z" },
    ...{ exitCode: 1, reason: "Error", message: "it ended", outputs: [output, { ...output, path: "b", rule: 1 }] },
    ...{
      skippedOutputs: [{ path: "../x", reason: "outside" }],
      logs: { stdoutBytes: 1, stderrBytes: 2, droppedBytes: 0 },
    },
  };
  return {
    name: "report",
    share: 30,
    sources: sourcesOf(report),
    check(input) {
      const parsed = parseAttemptReport(jsonOf(input), rules);
      if (typeof parsed === "string") {
        mustBeSayable(parsed);
        return "refused";
      }
      const { outputs = [], message = "-", skippedOutputs = [] } = parsed;
      for (const { path } of outputs) must(posix.resolve("/root", path) === `/root/${path}`, `${path} leaves its root`);
      must(new Set(outputs.map(({ path }) => path)).size === outputs.length, "one output twice");
      must(outputs.reduce((sum, { bytes }) => sum + bytes, 0) <= rules.maxOutputBytes, "more outputs than allowed");
      for (const text of [message, ...skippedOutputs.map(({ reason }) => reason)])
        must(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(text), "a text that a terminal obeys");
      return "accepted";
    },
  };
}

/** What an executor answers to a claim and to an offer. */
export function answerTarget(): FuzzTarget {
  const resources = { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 30, pids: 512 };
  const reason = { limit: "cpu", need: "4", free: "1", message: "cpu: 4 needed" };
  const answers = [
    { granted: true, runtime: "docker", resources, timeoutSeconds: 60 },
    { granted: false, reasons: [reason], waitable: true },
    { inputs: [{ sha256: hash, bytes: 3, have: 0 }], image: [{ diffId: `sha256:${hash}`, have: 4 }] },
  ];
  return {
    name: "answer",
    share: 30,
    sources: sourcesOf(...answers),
    async check(input) {
      const value = jsonOf(input);
      const lacking = await refusable(["PeerRefused"], () => void readLacking(value));
      const claimed = await refusable(["PeerRefused"], () => {
        const answer = readClaimAnswer(value);
        if (!answer.granted)
          for (const { message } of answer.reasons)
            must(!/[\u0000-\u001f]/.test(message), "a text that a terminal obeys");
      });
      return lacking === "accepted" || claimed === "accepted" ? "accepted" : "refused";
    },
  };
}
