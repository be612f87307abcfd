import { createPrivateKey, sign } from "node:crypto";
import { openBeacon, sealBeacon } from "../../../src/trust/beacon.ts";
import { deriveGroupKeys } from "../../../src/trust/group-secret.ts";
import { openRecord, signRecord, type LiveRecord } from "../../../src/trust/record.ts";
import { recordOf } from "../../gossip/simulator/cheap-records.ts";
import { machine } from "../../trust/membership/kit.ts";
import type { Dice } from "../dice.ts";
import { dnsLabel, jsonMutants, must, mutants, type FuzzTarget } from "../target.ts";

const owner = machine("owner");
const headBytes = 97;
const facts: LiveRecord = recordOf({ node: owner.node, boot: 3, seq: 7, lends: { maxJobs: 4 }, wallClockMs: 1.7e12 });
const sound = signRecord(facts, owner.identityKey);
const key = createPrivateKey({ key: Buffer.from(owner.identityKey, "base64"), format: "der", type: "pkcs8" });

/** The owner itself lies: whatever it says is signed. */
function signPayload(payload: Uint8Array): Buffer {
  const signature = sign(null, Buffer.concat([Buffer.from("homie/record/1\0"), payload]), key);
  return Buffer.concat([Buffer.from([1]), owner.raw, signature, payload]);
}

export function recordTarget(): FuzzTarget {
  return {
    name: "record",
    share: 20,
    sources: [
      jsonMutants([facts], signPayload),
      mutants([sound], (bytes) => signPayload(bytes.subarray(headBytes))),
      mutants([sound]),
    ],
    check(input) {
      const opened = openRecord(input);
      if (opened === undefined) return "refused";
      const { record } = opened;
      must(record.node === owner.node, "a record of somebody else");
      must(dnsLabel.test(record.name) && /^[ -~]{1,64}$/.test(record.version), "words that are none");
      must(
        [record.boot, record.seq].every((each) => Number.isInteger(each) && each >= 0 && each < 2 ** 48),
        "a number out of range",
      );
      mustBeBounded(record);
      return "accepted";
    },
  };
}

function mustBeBounded(record: LiveRecord): void {
  const { cpuCount, cpuUsedPercent, memoryTotal, memoryFree, diskFree, jobs, allocatable, allocated, gpus } = record;
  const cards = gpus.flatMap(({ memoryTotal: total, memoryFree: free, usedPercent }) => [total, free, usedPercent]);
  const numbers = [cpuCount, cpuUsedPercent, memoryTotal, memoryFree, diskFree, jobs, ...cards];
  const all = [...numbers, ...Object.values(allocatable), ...Object.values(allocated)];
  must(
    all.every((each) => Number.isFinite(each) && each >= 0 && each <= 2 ** 50),
    "a number out of range",
  );
  must(cpuCount >= 1 && memoryFree <= memoryTotal, "figures that cannot be");
  must(gpus.length <= 64 && record.endpoints.length <= 8, "more than a record may hold");
  must(
    gpus.every(({ model }) => /^[ -~]*$/.test(model)),
    "a model with control characters",
  );
}

export function beaconTarget(): FuzzTarget {
  const { beacon } = deriveGroupKeys("correct horse");
  const body = { port: 5556, boot: 2 ** 40 };
  const corpus = [0, 1, 2].map((seq) => sealBeacon(beacon, { ...body, seq }, owner.identityKey, Buffer.alloc(12, seq)));
  /** What a machine with the secret can say. */
  const members = (dice: Dice): Buffer => {
    const numbers = { port: dice.below(65_536), boot: dice.word(), seq: dice.word() };
    return sealBeacon(beacon, numbers, owner.identityKey, dice.bytes(12));
  };
  return {
    name: "beacon",
    share: 40,
    sources: [mutants(corpus), members],
    check(input) {
      const opened = openBeacon(beacon, input);
      if (opened === undefined) return "refused";
      must(opened.port > 0 && owner.raw.equals(opened.identity), "a beacon that leads nowhere");
      const again = sealBeacon(beacon, opened, owner.identityKey, input.subarray(1, 13));
      must(again.equals(input), "a beacon that was not sealed like this");
      return "accepted";
    },
  };
}
