import { expect, test } from "vitest";
import type { Pin, PinFiles } from "../../src/adapters/identity/pins.ts";
import { CrewMembers, maxMembers } from "../../src/daemon/crew-members.ts";
import { deriveGroupKeys } from "../../src/trust/group-secret.ts";
import { generateIdentity, nodeIdOf, publicKeyOf } from "../../src/trust/identity.ts";
import { openRecord, signRecord, type SignedRecord } from "../../src/trust/record.ts";

class MemoryPins implements PinFiles {
  readonly pins = new Map<string, Pin>();
  load(): readonly Pin[] {
    return [...this.pins.values()];
  }
  save(pin: Pin): void {
    this.pins.set(pin.node, pin);
  }
  remove(node: string): void {
    this.pins.delete(node);
  }
}

const keys = deriveGroupKeys("correct horse");
const share = { cpu: 1, memory: 1, disk: 1, gpus: 0, jobs: 1 };

function introduce(name: string, identityKey = generateIdentity().identityKey, seq = 1): SignedRecord {
  const signed = openRecord(
    signRecord(
      {
        ...{ node: nodeIdOf(publicKeyOf(identityKey, "ed25519")), name, version: "1.0.0", boot: 1, seq },
        ...{ cpuCount: 1, cpuUsedPercent: 0, memoryTotal: 1, memoryFree: 1, diskFree: 1, jobs: 0 },
        ...{ gpus: [], allocatable: share, allocated: share, endpoints: [] },
      },
      identityKey,
    ),
  );
  if (signed === undefined) throw new Error("the record must open");
  return signed;
}

function admitBound(crew: CrewMembers, name: string, identityKey?: string): string {
  const admission = crew.admit(introduce(name, identityKey));
  if (!admission.ok) throw new Error(admission.trust.message);
  crew.bind(admission.member, name);
  return admission.member.node;
}

test("O6: a name belongs to the key that had it first, and the other one is told of", () => {
  const crew = new CrewMembers({ pins: new MemoryPins(), keys, ownName: "alice" });
  const node = admitBound(crew, "bob");
  expect(crew.admit(introduce("bob"))).toMatchObject({ ok: false, trust: { reason: "NameTaken" } });
  expect(crew.admit(introduce("alice"))).toMatchObject({ ok: false, trust: { reason: "NameTaken" } });
  expect(crew.all()).toMatchObject([{ node, name: "bob", rival: expect.stringContaining("bob") }]);
});

test("a restart keeps members and their names; another secret keeps the names and asks for a new proof", () => {
  const pins = new MemoryPins();
  const { identityKey } = generateIdentity();
  const node = admitBound(new CrewMembers({ pins, keys, ownName: "alice" }), "bob", identityKey);
  expect(new CrewMembers({ pins, keys, ownName: "alice" }).isAdmitted(node)).toBe(true);
  const changed = new CrewMembers({ pins, keys: deriveGroupKeys("another"), ownName: "alice" });
  expect(changed.isAdmitted(node)).toBe(false);
  expect(changed.admit(introduce("bob"))).toMatchObject({ ok: false });
  expect(changed.admit(introduce("bob", identityKey))).toMatchObject({ ok: true });
  expect(new CrewMembers({ pins, keys: deriveGroupKeys("another"), ownName: "alice" }).isAdmitted(node)).toBe(true);
});

test("a machine that has forgotten its numbers is heard, but its old record counts until it jumps ahead", () => {
  const crew = new CrewMembers({ pins: new MemoryPins(), keys, ownName: "alice" });
  const { identityKey } = generateIdentity();
  const admission = crew.admit(introduce("bob", identityKey));
  if (!admission.ok) throw new Error("bob must be admitted");
  const newest = introduce("bob", identityKey, 9);
  expect([newest, introduce("bob", identityKey, 3)].map((each) => crew.hear(admission.member, each))).toEqual([
    "newer",
    "older",
  ]);
  expect(admission.member.newest).toBe(newest);
});

test("A6: a member who invents machines fills neither disk nor memory", () => {
  const crew = new CrewMembers({ pins: new MemoryPins(), keys, ownName: "alice" });
  for (let index = 0; index < maxMembers; index++) expect(crew.admit(introduce(`m${index}`)).ok).toBe(true);
  expect(crew.admit(introduce("one-more"))).toMatchObject({ ok: false, trust: { reason: "CrewFull" } });
});
