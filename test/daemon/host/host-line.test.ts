import { describe, expect, it } from "vitest";
import { HostLine } from "../../../src/daemon/host/host-line.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const first = { uid: "first", priority: 0 };
const second = { uid: "second", priority: 0 };
const urgent = { uid: "urgent", priority: 9 };

describe("jobs of others that wait for room", () => {
  it("let the first in line through when room comes, and keep everybody else back for a moment", async () => {
    const clock = new FakeClock();
    const line = new HostLine(clock);
    line.wait(first);
    await clock.advance(10);
    line.wait(second);
    line.freed();
    expect(line.ahead(second)).toMatchObject({ granted: false, waitable: true });
    expect(line.ahead(first)).toBeUndefined();
    line.leave(first);
    expect(line.ahead(second)).toBeUndefined();
  });

  it("go by priority before age", async () => {
    const clock = new FakeClock();
    const line = new HostLine(clock);
    line.wait(first);
    await clock.advance(10);
    line.wait(urgent);
    line.freed();
    expect(line.ahead(first)).toBeDefined();
    expect(line.ahead(urgent)).toBeUndefined();
  });

  it("do not hold room for somebody who does not come", async () => {
    const clock = new FakeClock();
    const line = new HostLine(clock);
    line.wait(first);
    line.freed();
    await clock.advance(2_000);
    expect(line.ahead(second)).toBeUndefined();
  });

  it("are forgotten when they have not asked for a minute", async () => {
    const clock = new FakeClock();
    const line = new HostLine(clock);
    line.wait(first);
    await clock.advance(61_000);
    line.freed();
    expect(line.ahead(second)).toBeUndefined();
  });
});
