import { describe, expect, it } from "vitest";
import { WorkQueue } from "../../src/reconciler/work-queue.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

describe("work queue", () => {
  it("hands out equal keys once", async () => {
    const queue = new WorkQueue(new FakeClock());
    queue.add("a");
    queue.add("a");
    expect(await queue.take()).toBe("a");
    queue.done("a");
    expect(queue.size).toBe(0);
  });

  it("never hands a key to two takers, and once more if it was added meanwhile", async () => {
    const queue = new WorkQueue(new FakeClock());
    queue.add("a");
    await queue.take();
    queue.add("a");
    const second = queue.take();
    let taken = false;
    void second.then(() => (taken = true));
    await settle();
    expect(taken).toBe(false);
    queue.done("a");
    expect(await second).toBe("a");
  });

  it("holds a delayed key back until its time, the earlier of two delays wins", async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue(clock);
    queue.addAfter("a", 5_000);
    queue.addAfter("a", 2_000);
    queue.addAfter("b", 1_000);
    const seen: (string | undefined)[] = [];
    void queue.take().then((key) => seen.push(key));
    void queue.take().then((key) => seen.push(key));
    await clock.advance(999);
    expect(seen).toEqual([]);
    await clock.advance(1);
    expect(seen).toEqual(["b"]);
    await clock.advance(1_000);
    expect(seen).toEqual(["b", "a"]);
    queue.done("a");
    queue.done("b");
    await clock.advance(10_000);
    expect(queue.size).toBe(0);
  });

  it("forgets a delay when the key is added at once", async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue(clock);
    queue.addAfter("a", 1_000);
    queue.add("a");
    expect(await queue.take()).toBe("a");
    queue.done("a");
    await clock.advance(5_000);
    expect(queue.settled).toBe(true);
    expect(queue.size).toBe(0);
  });

  it("lets takers go when it is closed", async () => {
    const queue = new WorkQueue(new FakeClock());
    const taken = queue.take();
    queue.close();
    expect(await taken).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
  });
});
