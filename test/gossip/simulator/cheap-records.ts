import { keyOf } from "../../../src/gossip/register.ts";
import type { LiveRecord, SignedRecord } from "../../../src/trust/record.ts";

/** As long as version, key and signature of a real record, so that counted bytes are those of real ones. */
const headBytes = 97;

/** A record with a checksum where the signature is: a thousand machines check a million of them in a test. */
export function signCheaply(record: LiveRecord): Buffer {
  const payload = Buffer.from(JSON.stringify(record));
  const head = Buffer.alloc(headBytes, keyOf(record.node));
  head.writeUInt32BE(checksum(payload), headBytes - 4);
  return Buffer.concat([head, payload]);
}

export function openCheaply(bytes: Uint8Array): SignedRecord | undefined {
  if (bytes.length <= headBytes) return undefined;
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payload = whole.subarray(headBytes);
  if (whole.readUInt32BE(headBytes - 4) !== checksum(payload)) return undefined;
  const record = JSON.parse(payload.toString()) as LiveRecord;
  return { record, identity: whole.subarray(1, 33), bytes };
}

function checksum(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at += 1) sum = Math.imul(sum ^ (bytes[at] ?? 0), 0x01000193);
  return sum >>> 0;
}

/** A machine as others see it, with cards and endpoints as a real one has. */
export function recordOf(facts: Pick<LiveRecord, "node" | "boot" | "seq"> & Partial<LiveRecord>): LiveRecord {
  const share = { cpu: 12, memory: 27_917_287_424, disk: 214_748_364_800, gpus: 1, jobs: 4 };
  return {
    name: `machine-${facts.node.slice(0, 8)}`,
    version: "0.1.0",
    cpuCount: 16,
    cpuUsedPercent: 12.5,
    memoryTotal: 33_501_757_440,
    memoryFree: 21_474_836_480,
    diskFree: 412_316_860_416,
    gpus: [
      { model: "NVIDIA GeForce RTX 3080", memoryTotal: 10_737_418_240, memoryFree: 9_663_676_416, usedPercent: 3 },
    ],
    jobs: 0,
    allocatable: share,
    allocated: { ...share, cpu: 0, memory: 0, disk: 0, gpus: 0, jobs: 0 },
    endpoints: ["192.168.1.20:5556", "[fd00::1234:5678:9abc:def0]:5556"],
    ...facts,
  };
}
