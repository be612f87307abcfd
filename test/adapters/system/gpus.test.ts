import { describe, expect, it } from "vitest";
import { parseGpus } from "../../../src/adapters/system/gpus.ts";

const id = "GPU-1faa3bb2-6a51-4d5b-9d3c-4a9d5a0b6a11";
const mebi = 2 ** 20;

describe("what nvidia-smi says", () => {
  it("is read line by line", () => {
    expect(
      parseGpus(`${id}, NVIDIA GeForce RTX 3060, 12288, 11900, 3\nGPU-2, NVIDIA A100-SXM4-80GB, 81920, 500, 97\n`),
    ).toEqual([
      { id, model: "NVIDIA GeForce RTX 3060", memoryTotal: 12_288 * mebi, memoryFree: 11_900 * mebi, usedPercent: 3 },
      {
        id: "GPU-2",
        model: "NVIDIA A100-SXM4-80GB",
        memoryTotal: 81_920 * mebi,
        memoryFree: 500 * mebi,
        usedPercent: 97,
      },
    ]);
  });

  it.each([
    ["nothing", ""],
    ["a message", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"],
    ["a device that cannot be named", "0, RTX 3060, 12288, 11900, 3\n"],
    ["a device whose name would be a list", "GPU-1;GPU-2, RTX 3060, 12288, 11900, 3\n"],
    ["a device without memory of its own", `${id}, Orin, [N/A], [N/A], [N/A]\n`],
  ])("no GPU is seen in %s", (_title, csv) => {
    expect(parseGpus(csv)).toEqual([]);
  });

  it("counts a device once, and figures it does not tell as nothing", () => {
    const line = `${id}, RTX 3060, 12288, [N/A], [N/A]`;
    expect(parseGpus(`${line}\n${line}\n`)).toEqual([
      { id, model: "RTX 3060", memoryTotal: 12_288 * mebi, memoryFree: 0, usedPercent: 0 },
    ]);
  });
});
