import fc from "fast-check";
import { expect, test } from "vitest";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";
import { openRecord, orderRecords, signRecord, type LiveRecord, type SignedRecord } from "../../src/trust/record.ts";
import { decodeStrictJson } from "../../src/trust/strict-json.ts";

const { identityKey } = generateIdentity();
const node = nodeIdOf(publicKeyOf(identityKey, "ed25519"));
const share = { cpu: 2, memory: 1e9, disk: 1e9, gpus: 0, jobs: 4 };
const record: LiveRecord = {
  ...{ node, name: "alice", version: "0.1.0", boot: 3, seq: 7 },
  ...{ cpuCount: 4, cpuUsedPercent: 12.5, memoryTotal: 8e9, memoryFree: 4e9, diskFree: 1e11, jobs: 1 },
  gpus: [{ model: "RTX 4090", memoryTotal: 24e9, memoryFree: 20e9, usedPercent: 3 }],
  allocatable: share,
  allocated: { ...share, jobs: 1 },
  endpoints: ["10.0.0.2:5556"],
};
const signed = (changes: object): SignedRecord | undefined =>
  openRecord(signRecord({ ...record, ...changes } as LiveRecord, identityKey));

test("a record opens to what its owner signed, and keeps the bytes as they came", () => {
  const bytes = signRecord(record, identityKey);
  expect(openRecord(bytes)).toMatchObject({ record, bytes });
});

test("A4: a record with any byte changed is refused", () => {
  const bytes = signRecord(record, identityKey);
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes);
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index);
    expect(openRecord(altered)).toBeUndefined();
  }
});

test("G-04: a record about one machine signed by another is refused", () => {
  expect(openRecord(signRecord(record, generateIdentity().identityKey))).toBeUndefined();
});

test.each([
  ["a newline in the name", { name: "bob\nPostUp = touch x" }],
  ["an escape in the version", { version: "1.0\u001b[31m" }],
  ["a negative number", { memoryFree: -1 }],
  ["a number that is a text", { cpuCount: "4" }],
  ["a sequence number beyond 2^48", { seq: 2 ** 53 }],
  ["a fractional sequence number", { seq: 1.5 }],
  ["a negative boot", { boot: -1 }],
  ["a name instead of an address", { endpoints: ["mail.example.net:25"] }],
  ["nine endpoints", { endpoints: Array.from({ length: 9 }, () => "10.0.0.1:5556") }],
  ["NaN, which JSON writes as null", { cpuUsedPercent: Number.NaN }],
])("G-03, G-09, G-10: a record with %s is refused", (_, changes) => {
  expect(signed(changes)).toBeUndefined();
});

test("G-09: claims of more than any machine has are lowered", () => {
  const claims = { cpuCount: 1e9, memoryTotal: 1e30, memoryFree: 1e30, cpuUsedPercent: 900 };
  expect(signed(claims)?.record).toMatchObject({ cpuCount: 4_096, memoryTotal: 2 ** 50, cpuUsedPercent: 100 });
});

test("G-03: the highest boot and sequence number count; two records with one number contradict each other", () => {
  const [known, later, older, restarted] = [
    signed({}),
    signed({ seq: 8 }),
    signed({ seq: 6 }),
    signed({ boot: 4, seq: 1 }),
  ];
  const other = signed({ cpuUsedPercent: 99 });
  if (known === undefined || later === undefined || older === undefined) throw new Error("records must open");
  if (restarted === undefined || other === undefined) throw new Error("records must open");
  expect(orderRecords(known, known)).toBe("same");
  expect([later, restarted].map((each) => orderRecords(known, each))).toEqual(["newer", "newer"]);
  expect(orderRecords(known, older)).toBe("older");
  expect(orderRecords(known, other)).toBe("contradiction");
  expect(orderRecords(undefined, older)).toBe("newer");
});

test.each(['{"a":1,"a":2}', '{"__proto__":{}}', "1e400", "[".repeat(10_000), '{"a": 1}', "", "\ufeff{}"])(
  "G-11: %j is not strict JSON",
  (text) => {
    expect(decodeStrictJson(Buffer.from(text), { maxBytes: 16_384, maxDepth: 6 })).toBeUndefined();
  },
);

test("no bytes at all make a decoder throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      openRecord(bytes);
      decodeStrictJson(bytes, { maxBytes: 300, maxDepth: 4 });
      return true;
    }),
    { numRuns: 2_000 },
  );
});
