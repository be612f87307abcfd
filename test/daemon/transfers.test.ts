import { describe, expect, it } from "vitest";
import { Transfers } from "../../src/daemon/remote/transfers.ts";

async function* pieces(...sizes: readonly number[]): AsyncIterable<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size);
}

describe("what is on its way", () => {
  it("is counted while it moves, from where it was cut, and forgotten at its end", async () => {
    const transfers = new Transfers();
    const seen: unknown[] = [];
    const start = { what: "outputs", doneBytes: 10, totalBytes: 30 } as const;
    for await (const _ of transfers.count("a-1", start, pieces(5, 10))) seen.push({ ...transfers.of("a-1") });
    expect(seen).toEqual([
      { ...start, doneBytes: 15 },
      { ...start, doneBytes: 25 },
    ]);
    expect(transfers.of("a-1")).toBeUndefined();
  });

  it("is never more than the whole, whatever another machine sends", async () => {
    const transfers = new Transfers();
    const start = { what: "image", doneBytes: 0, totalBytes: 3 } as const;
    for await (const _ of transfers.count("a-1", start, pieces(100))) expect(transfers.of("a-1")?.doneBytes).toBe(3);
  });

  it("is forgotten when nobody reads on", async () => {
    const transfers = new Transfers();
    for await (const _ of transfers.count("a-1", { what: "inputs", doneBytes: 0, totalBytes: 9 }, pieces(1, 1))) break;
    expect(transfers.of("a-1")).toBeUndefined();
  });
});
