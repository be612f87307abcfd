import type { ClaimAnswer, Lacking } from "../../adapters/peers/host-port.ts";
import { HomieError } from "../../resources/errors.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import { FieldReader } from "../../trust/field-reader.ts";
import { inertText } from "../../trust/inert-text.ts";

const hex = { max: 64, pattern: /^[0-9a-f]{64}$/ };
const digest = { max: 71, pattern: /^sha256:[0-9a-f]{64}$/ };
const shortText = { max: 512 };

/** What an executor says it lacks. Throws PeerRefused for anything else. */
export function readLacking(value: unknown): Lacking {
  const read = new FieldReader(value);
  const size = (from: FieldReader, name: string): number => from.whole(name, 0, 2 ** 50);
  const inputs = read.objects("inputs", 4_096).map((each) => ({
    sha256: each.text("sha256", hex),
    bytes: size(each, "bytes"),
    have: size(each, "have"),
  }));
  const image = read.has("image")
    ? read.objects("image", 256).map((each) => ({ diffId: each.text("diffId", digest), have: size(each, "have") }))
    : undefined;
  requireSound(read, "what it lacks");
  return { inputs, ...(image === undefined ? {} : { image }) };
}

export function readClaimAnswer(value: unknown): ClaimAnswer {
  const read = new FieldReader(value);
  const answer = read.flag("granted") ? readGrant(read) : readDenial(read);
  requireSound(read, "its answer to a claim");
  return answer;
}

function readGrant(read: FieldReader): ClaimAnswer {
  const resources = read.object("resources");
  return withoutUndefined({
    granted: true as const,
    runtime: read.oneOf("runtime", ["docker", "process"]),
    resources: {
      cpu: resources.number("cpu", 0, 4_096),
      memoryBytes: resources.whole("memoryBytes", 0, 2 ** 50),
      diskBytes: resources.whole("diskBytes", 0, 2 ** 50),
      pids: resources.whole("pids", 1, 2 ** 31),
    },
    timeoutSeconds: read.optionalWhole("timeoutSeconds", 1, 2 ** 31),
  });
}

function readDenial(read: FieldReader): ClaimAnswer {
  const reasons = read.objects("reasons", 64).map((each) => ({
    limit: inertText(each.text("limit", shortText)),
    need: inertText(each.text("need", shortText)),
    free: inertText(each.text("free", shortText)),
    message: inertText(each.text("message", { max: 2_048 })),
  }));
  return { granted: false, reasons, waitable: read.flag("waitable") };
}

function requireSound({ problem }: FieldReader, what: string): void {
  if (problem !== undefined)
    throw new HomieError("PeerRefused", `the executor says ${what} in no form known here: ${problem}`);
}
