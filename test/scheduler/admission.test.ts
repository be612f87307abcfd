import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admit } from "../../src/scheduler/admission.ts";
import { WaitingList } from "../../src/scheduler/waiting-list.ts";

const all = { cpu: 2, memoryBytes: 4 * 2 ** 30, diskBytes: 100 * 2 ** 30, jobs: 3 };
const none = { cpu: 0, memoryBytes: 0, diskBytes: 0, jobs: 0 };
const request = { cpu: 1, memoryBytes: 2 ** 30, diskBytes: 2 ** 30, pids: 512 };

describe("admission", () => {
  it.each([
    ["fits an empty machine", request, none, { admitted: true }],
    [
      "waits for cpu",
      request,
      { ...none, cpu: 1.5 },
      { admitted: false, never: false, limit: "cpu", need: "1", have: "2" },
    ],
    [
      "never fits more than is lent",
      { ...request, memoryBytes: 8 * 2 ** 30 },
      none,
      { admitted: false, never: true, limit: "memory", need: "8Gi", have: "4Gi" },
    ],
    [
      "tells never before not now",
      { ...request, memoryBytes: 8 * 2 ** 30 },
      { ...none, cpu: 2 },
      { admitted: false, never: true, limit: "memory", need: "8Gi", have: "4Gi" },
    ],
    [
      "counts jobs",
      request,
      { ...none, jobs: 3 },
      { admitted: false, never: false, limit: "maxJobs", need: "1", have: "3" },
    ],
    [
      "takes the last slot in decimal cores",
      { ...request, cpu: 0.1 },
      { ...none, cpu: 1.9000000000000001 },
      { admitted: true },
    ],
  ])("%s", (_title, asked, held, expected) => {
    expect(admit(asked, held, all)).toEqual(expected);
  });

  it("never lets the sum of what it admits pass what is lent", () => {
    const amounts = fc.array(
      fc.record({ cpu: fc.integer({ min: 1, max: 30 }), memory: fc.integer({ min: 1, max: 50 }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(amounts, (jobs) => {
        const held = { ...none };
        for (const job of jobs) {
          const ask = { cpu: job.cpu / 10, memoryBytes: job.memory * 2 ** 27, diskBytes: 1, pids: 1 };
          if (!admit(ask, held, all).admitted) continue;
          held.cpu += ask.cpu;
          held.memoryBytes += ask.memoryBytes;
          held.diskBytes += ask.diskBytes;
          held.jobs += 1;
        }
        expect(held.cpu).toBeLessThanOrEqual(all.cpu + 1e-3);
        expect(held.memoryBytes).toBeLessThanOrEqual(all.memoryBytes);
        expect(held.jobs).toBeLessThanOrEqual(all.jobs);
      }),
    );
  });
});

describe("waiting list", () => {
  it("goes by priority, then age, then name", () => {
    const list = new WaitingList();
    list.offer({ name: "old", priority: 0, since: "2026-01-01T00:00:00Z" });
    list.offer({ name: "b", priority: 0, since: "2026-01-02T00:00:00Z" });
    list.offer({ name: "a", priority: 0, since: "2026-01-02T00:00:00Z" });
    list.offer({ name: "urgent", priority: 5, since: "2026-01-03T00:00:00Z" });
    expect(["urgent", "old", "a", "b"].map((name) => list.position(name))).toEqual([0, 1, 2, 3]);
  });

  it("agrees with a sorted array whatever is offered, moved and withdrawn", () => {
    const step = fc.record({
      name: fc.constantFrom("a", "b", "c", "d", "e"),
      priority: fc.integer({ min: -2, max: 2 }),
      since: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
      leaves: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const list = new WaitingList();
        const model = new Map<string, { name: string; priority: number; since: string }>();
        for (const { leaves, ...entry } of steps) {
          if (leaves) {
            list.withdraw(entry.name);
            model.delete(entry.name);
          } else {
            list.offer(entry);
            model.set(entry.name, entry);
          }
        }
        const expected = [...model.values()]
          .toSorted((x, y) => y.priority - x.priority || x.since.localeCompare(y.since) || x.name.localeCompare(y.name))
          .map(({ name }) => name);
        expect(list.length).toBe(expected.length);
        expect(expected.map((name) => list.position(name))).toEqual(expected.map((_, index) => index));
        expect(list.head()).toBe(expected[0]);
      }),
    );
  });
});
