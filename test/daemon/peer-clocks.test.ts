import { expect, test } from "vitest";
import { checkDaemon } from "../../src/daemon/doctor/daemon-checks.ts";
import { clocksOf, describeSkews } from "../../src/daemon/peer-clocks.ts";
import type { StatusReport } from "../../src/api/ports.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";
import { openRecord, signRecord, type LiveRecord } from "../../src/trust/record.ts";

const { identityKey } = generateIdentity();
const identity = publicKeyOf(identityKey, "ed25519");
const node = nodeIdOf(identity);
const share = { cpu: 1, memory: 1, disk: 1, gpus: 0, jobs: 1 };
const minute = 60_000;
const hour = 60 * minute;

/** What a reader makes of a record whose clock field holds this. */
function clockRead(wallClockMs: unknown): number | undefined {
  const record = {
    ...{ node, name: "bob", version: "1.0.0", boot: 1, seq: 1 },
    ...{ cpuCount: 1, cpuUsedPercent: 0, memoryTotal: 1, memoryFree: 1, diskFree: 1, jobs: 0 },
    ...{ gpus: [], allocatable: share, allocated: share, endpoints: [], wallClockMs },
  };
  const opened = openRecord(signRecord(record as unknown as LiveRecord, identityKey));
  if (opened === undefined) throw new Error("a clock is no reason to refuse a record");
  return opened.record.wallClockMs;
}

test("a record carries its owner's wall clock; one that is no time counts as absent", () => {
  expect(clockRead(1_795_000_000_000)).toBe(1_795_000_000_000);
  expect(clockRead(-1)).toBe(-1);
  for (const nonsense of [undefined, "now", 9e15, -9e15, null, [], {}]) expect(clockRead(nonsense)).toBeUndefined();
});

test("only members with a link have a clock to compare", () => {
  const member = { node, identity, endpoints: [], admitted: true };
  const members = [
    { ...member, name: "carol", clockAheadMs: -3.6 },
    { ...member, name: "dave" },
    { ...member, name: "bob", clockAheadMs: 12.2 },
  ];
  expect(clocksOf(members)).toEqual([
    { peer: "bob", aheadMs: 12 },
    { peer: "carol", aheadMs: -4 },
  ]);
});

test.each([
  [59_999, []],
  [-59_999, []],
  [minute, ["the clock of bob differs by 1 min 0 s: it is ahead of this machine's"]],
  [-65_400, ["the clock of bob differs by 1 min 5 s: it is behind this machine's"]],
  [24 * hour - 1, ["the clock of bob differs by 23 h 59 min: it is ahead of this machine's"]],
  [-24 * hour, ["the clock of bob differs by 24 h 0 min: it is behind this machine's"]],
  [365.5 * 24 * hour, ["the clock of bob differs by 365 d 12 h: it is ahead of this machine's"]],
])("a clock that is %d ms ahead is described as %j", (aheadMs, lines) => {
  expect(describeSkews([{ peer: "bob", aheadMs }])).toEqual(lines);
});

function report(clocks: StatusReport["clocks"]): StatusReport {
  return {
    ...{ name: "alice", node, pid: 1, version: "1.0.0", home: "/home/alice/.homie", ready: true },
    ...{ engine: "none", runtime: "process", uptimeSeconds: 1, problems: 0, warnings: [], jobs: {} },
    ...(clocks === undefined ? {} : { clocks }),
  };
}

test("doctor warns of each wrong clock, says so when all are right, and says nothing alone or without a daemon", () => {
  const bob = { peer: "bob", aheadMs: 24 * hour };
  const carol = { peer: "carol", aheadMs: 20 };
  expect(checkDaemon({ report: report([bob, carol]) })).toMatchObject([
    { name: "clocks", ok: "warn", message: expect.stringContaining("the clock of bob differs by 24 h 0 min") },
  ]);
  expect(checkDaemon({ report: report([carol]) })).toEqual([
    { name: "clocks", ok: "ok", message: "within 60 s of carol" },
  ]);
  for (const quiet of [{ report: report([]) }, { report: report(undefined) }, {}])
    expect(checkDaemon(quiet)).toEqual([]);
});

test("doctor tells of a daemon that does not answer", () => {
  expect(checkDaemon({ failure: "it does not answer" })).toMatchObject([{ ok: "fail", message: "it does not answer" }]);
});
