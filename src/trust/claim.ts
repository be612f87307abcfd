import { createHmac, timingSafeEqual } from "node:crypto";
import type { AttemptResources, OutputRule } from "../resources/attempt.ts";
import { parseImageReference } from "../resources/image-reference.ts";
import { globProblem, workPathProblem } from "../resources/path-rules.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import { FieldReader } from "./field-reader.ts";
import type { GroupKeys } from "./group-secret.ts";
import { decodeStrictJson } from "./strict-json.ts";

/** What a submitter asks an executor to take on: one attempt, with everything that decides what runs but its files. */
export interface ClaimMessage {
  readonly job: { readonly name: string; readonly uid: string; readonly generation: number };
  readonly attempt: number;
  /** Node id of the machine that is asked: a claim is worth nothing anywhere else. */
  readonly executor: string;
  readonly image?: string;
  readonly argv: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly workingDir: string;
  readonly network: "none" | "egress";
  readonly resources: Pick<AttemptResources, "cpu" | "memoryBytes" | "diskBytes">;
  readonly gpu?: { readonly count: number; readonly model?: string; readonly minMemoryBytes?: number };
  readonly timeoutSeconds?: number;
  readonly outputs: readonly Omit<OutputRule, "to">[];
  readonly guarantee: "AtLeastOnce" | "AtMostOnce";
  readonly leaseSeconds: number;
  readonly priority: number;
}

export type ClaimOutcome =
  | { readonly ok: true; readonly claim: ClaimMessage }
  | { readonly ok: false; readonly problem: string };

/** Arguments and environment of a Job are at most 256 KiB together; a claim is little more. */
export const maxClaimBytes: number = 512 * 1024;
export const uuid: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const nodeId = /^[a-z2-7]{25}$/;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const longText = { max: 128 * 1024 };

/** Reads the bytes of a claim: JSON exactly as JSON.stringify writes it, every field in its bounds. */
export function parseClaim(bytes: Uint8Array): ClaimOutcome {
  const decoded = decodeStrictJson(bytes, { maxBytes: maxClaimBytes, maxDepth: 6 });
  if (decoded === undefined) return { ok: false, problem: "the claim is no strict JSON of an acceptable size" };
  const read = new FieldReader(decoded);
  const claim = readClaim(read);
  const { problem } = read;
  return problem === undefined ? { ok: true, claim } : { ok: false, problem: `the claim is malformed: ${problem}` };
}

function readClaim(read: FieldReader): ClaimMessage {
  const job = read.object("job");
  const resources = read.object("resources");
  return withoutUndefined({
    job: {
      name: job.text("name", { max: 63, pattern: dnsLabel }),
      uid: job.text("uid", { max: 36, pattern: uuid }),
      generation: job.whole("generation", 1, 2 ** 40),
    },
    attempt: read.whole("attempt", 1, 1_000_000),
    executor: read.text("executor", { max: 25, pattern: nodeId }),
    image: readImage(read),
    ...readProgram(read),
    network: read.oneOf("network", ["none", "egress"]),
    resources: {
      cpu: resources.number("cpu", 0.01, 4_096),
      memoryBytes: resources.whole("memoryBytes", 6 * 2 ** 20, 2 ** 50),
      diskBytes: resources.whole("diskBytes", 2 ** 20, 2 ** 50),
    },
    gpu: read.has("gpu") ? readGpu(read.object("gpu")) : undefined,
    timeoutSeconds: read.optionalWhole("timeoutSeconds", 1, 2 ** 31),
    outputs: read.objects("outputs", 64).map(readOutput),
    guarantee: read.oneOf("guarantee", ["AtLeastOnce", "AtMostOnce"]),
    leaseSeconds: read.whole("leaseSeconds", 10, 3_600),
    priority: read.whole("priority", -1_000_000_000, 1_000_000_000),
  });
}

function readProgram(read: FieldReader): Pick<ClaimMessage, "argv" | "env" | "workingDir"> {
  const argv = read.texts("argv", 4_096, longText);
  if (argv.length === 0 || argv[0] === "") read.check("argv", "names no program");
  const env = read.objects("env", 1_024).map((variable) => ({
    name: variable.text("name", { max: 256, pattern: variableName }),
    value: variable.text("value", longText),
  }));
  const workingDir = read.text("workingDir", { max: 1_024 });
  if (workingDir !== "") read.check("workingDir", workPathProblem(workingDir, { allowRoot: true }));
  if (workingDir.startsWith("/")) read.check("workingDir", "is not relative");
  return { argv, env, workingDir };
}

function readImage(read: FieldReader): string | undefined {
  const image = read.optionalText("image", { max: 512 });
  if (image === undefined || image === "") return undefined;
  const outcome = parseImageReference(image);
  if (!outcome.ok) read.check("image", outcome.message);
  return image;
}

function readGpu(read: FieldReader): NonNullable<ClaimMessage["gpu"]> {
  return withoutUndefined({
    count: read.whole("count", 1, 64),
    model: read.optionalText("model", { max: 128 }),
    minMemoryBytes: read.optionalWhole("minMemoryBytes", 0, 2 ** 50),
  });
}

function readOutput(read: FieldReader): ClaimMessage["outputs"][number] {
  return withoutUndefined({
    paths: globsOf(read, "paths"),
    exclude: globsOf(read, "exclude"),
    required: read.flag("required"),
    maxBytes: read.optionalWhole("maxBytes", 0, 2 ** 50),
    when: read.oneOf("when", ["OnSuccess", "Always"]),
  });
}

function globsOf(read: FieldReader, name: string): readonly string[] {
  const globs = read.texts(name, 256, { max: 1_024 });
  for (const glob of globs) read.check(name, globProblem(glob));
  return globs;
}

/**
 * Proof under the group secret that exactly these bytes were meant by this submitter for this executor. The connection
 * says who sends; this says that whoever sends knows the secret, and binds what is asked to both ends. `purpose` keeps a
 * proof of one sort of message from serving for another.
 */
export function sealMessage(
  keys: Pick<GroupKeys, "claim">,
  message: {
    readonly purpose: "claim" | "offer";
    readonly from: string;
    readonly to: string;
    readonly bytes: Uint8Array;
  },
): string {
  return createHmac("sha256", keys.claim)
    .update(`homie/${message.purpose}/1\0${message.from}\0${message.to}\0`)
    .update(message.bytes)
    .digest("base64");
}

export function isSealed(
  keys: Pick<GroupKeys, "claim">,
  message: Parameters<typeof sealMessage>[1],
  seal: string,
): boolean {
  const expected = Buffer.from(sealMessage(keys, message));
  const given = Buffer.from(seal);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
