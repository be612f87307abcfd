import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assignGpus, gpusLent, type GpuDevice, type OwnGpus } from "../../src/scheduler/gpu-match.ts";
import { gibibyte } from "./crew.ts";

const gpu = (id: string, model: string, gibibytes: number, free = true): GpuDevice => ({
  ...{ id, model, free },
  memoryBytes: gibibytes * gibibyte,
});
const devices = [gpu("big", "NVIDIA A100", 80), gpu("small", "RTX 3060", 12), gpu("middle", "RTX 4090", 24)];
const some = (most: number, ...held: readonly string[]): OwnGpus => ({
  devices: devices.map((device) => ({ ...device, free: !held.includes(device.id) })),
  most,
});
type Asked = Parameters<typeof assignGpus>[0];

const rows: readonly [string, Asked, OwnGpus, readonly string[] | undefined][] = [
  ["the smallest is given first", { count: 1 }, some(Infinity), ["small"]],
  ["who needs memory gets the smallest that has it", { count: 1, minMemoryBytes: 20 * gibibyte }, some(3), ["middle"]],
  ["a model is part of a name, in any case", { count: 1, model: "a100" }, some(3), ["big"]],
  ["a model in capitals too", { count: 1, model: "RTX" }, some(3), ["small"]],
  ["a model that is not there is never given", { count: 1, model: "h100" }, some(3), undefined],
  ["what is held is not given again", { count: 1, model: "rtx" }, some(3, "small"), ["middle"]],
  ["several are different ones", { count: 2 }, some(3), ["small", "middle"]],
  ["more than suit are not given in part", { count: 3, model: "rtx" }, some(3), undefined],
  ["no more than are lent are held together", { count: 1 }, some(1, "big"), undefined],
  ["as many as are lent are held together", { count: 1 }, some(2, "big"), ["small"]],
  ["nothing is given where none is lent", { count: 1 }, some(0), undefined],
];

describe("GPUs of this machine", () => {
  it.each(rows)("%s", (_title, asked, own, expected) => {
    expect(assignGpus(asked, own)).toEqual(expected);
  });

  it("says how many are lent and how many of them are left", () => {
    expect(gpusLent(some(Infinity))).toEqual({ total: 3, free: 3 });
    expect(gpusLent(some(2, "big"))).toEqual({ total: 2, free: 1 });
    // Limits were lowered while both were held.
    expect(gpusLent(some(1, "big", "small"))).toEqual({ total: 1, free: 0 });
  });

  it("never gives one device to two, nor one that does not suit, nor more than are lent", () => {
    const device = fc.record({
      model: fc.constantFrom("A100", "RTX 3060", "RTX 4090"),
      memoryBytes: fc.integer({ min: 1, max: 9 }),
    });
    const asked = fc.record({
      count: fc.integer({ min: 1, max: 3 }),
      model: fc.constantFrom("rtx", "a100", "4090"),
      minMemoryBytes: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(device, { maxLength: 8 }),
        fc.array(asked, { maxLength: 12 }),
        fc.integer({ min: 0, max: 9 }),
        (machine, requests, most) => {
          const held = new Set<string>();
          for (const request of requests) {
            const all = machine.map((each, index) => ({
              ...each,
              id: `gpu-${index}`,
              free: !held.has(`gpu-${index}`),
            }));
            for (const id of assignGpus(request, { devices: all, most }) ?? []) {
              const given = all.find((each) => each.id === id);
              expect(held).not.toContain(id);
              expect(given?.model.toLowerCase()).toContain(request.model);
              expect(given?.memoryBytes).toBeGreaterThanOrEqual(request.minMemoryBytes);
              held.add(id);
            }
          }
          expect(held.size).toBeLessThanOrEqual(most);
        },
      ),
    );
  });
});
