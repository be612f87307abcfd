import { describe, expect, it } from "vitest";
import { Machine } from "../crew/simulation/machine.ts";
import { program } from "../crew/simulation/programs.ts";

describe("F-46, F-47: a bug that one object sets off", () => {
  it("in the attempt controller stays with that job, which is told of it; the others go on", async () => {
    const broken = { name: "" };
    const machine = new Machine({
      see: (name, facts) => {
        if (name.startsWith(`${broken.name}-`)) throw new TypeError("Cannot read properties of undefined");
        return facts;
      },
    });
    try {
      machine.start();
      machine.declare({ bad: program(100, 0) });
      broken.name = machine.job("bad")?.metadata.uid ?? "";
      machine.declare({ bad: program(100, 0), good: program(100, 0), better: program(100, 0) });
      await machine.run(600_000, undefined, 1_000);
      expect(machine.isAlive).toBe(true);
      expect(["good", "better"].map((name) => machine.job(name)?.status?.phase)).toEqual(["Succeeded", "Succeeded"]);
      const told = machine.store.events.list({ kind: "Job", name: "bad" }).filter(({ type }) => type === "Warning");
      expect(told.map(({ reason, message }) => [reason, message])).toEqual([
        ["InternalError", "Cannot read properties of undefined"],
      ]);
      // 1 s, 2 s, 4 s ... 5 min, and every 30 s a look at everything: no hot loop.
      expect(told[0]?.count).toBeLessThan(40);
      broken.name = "nobody";
      await machine.run(60_000, undefined, 1_000);
      expect(machine.job("bad")?.status?.phase).toBe("Succeeded");
    } finally {
      machine.close();
    }
  });

  it("in the job controller stays with that job too", async () => {
    const broken = { isBroken: true };
    const machine = new Machine({
      publishes: (name) => {
        if (name === "bad" && broken.isBroken) throw new RangeError("Invalid array length");
      },
    });
    try {
      machine.start();
      machine.declare({ bad: program(100, 0), good: program(100, 0) });
      await machine.run(60_000, undefined, 1_000);
      expect([machine.job("good")?.status?.phase, machine.job("bad")?.status?.phase]).toEqual([
        "Succeeded",
        "Collecting",
      ]);
      expect(machine.store.events.list({ name: "bad" }).map(({ message }) => message)).toContain(
        "Invalid array length",
      );
      broken.isBroken = false;
      await machine.run(300_000, undefined, 1_000);
      expect(machine.job("bad")?.status?.phase).toBe("Succeeded");
      expect(machine.engine.count("start")).toBe(2);
    } finally {
      machine.close();
    }
  });
});

describe("F-21: somebody sets the clock", () => {
  const years = 10 * 365 * 86_400_000;

  it.each([3_600_000, -3_600_000, 86_400_000, -86_400_000, years, -years])(
    "by %i ms: nothing times out, expires or waits because of that",
    async (jumpMs) => {
      const machine = new Machine();
      try {
        machine.start();
        machine.declare({
          limited: program(20_000, 0, { timeoutSeconds: 60 }),
          late: program(60_000, 0, { timeoutSeconds: 10 }),
          again: program(100, 3, { backoffLimit: 1 }),
          kept: program(100, 0, { ttlSecondsAfterFinished: 600 }),
        });
        await machine.run(4_000);
        machine.clock.setWallClock(jumpMs);
        await machine.run(9_000);
        expect(machine.job("late")?.status).toMatchObject({ phase: "Failed", reason: "Timeout" });
        await machine.run(15_000);
        expect(machine.job("limited")?.status?.phase).toBe("Succeeded");
        expect(machine.job("again")?.status).toMatchObject({ phase: "Failed", attempt: 2 });
        expect(machine.job("kept")?.status?.phase).toBe("Succeeded");
        await machine.run(600_000, undefined, 1_000);
        expect(machine.job("kept")).toBeUndefined();
      } finally {
        machine.close();
      }
    },
  );
});

describe("I7: what belongs to no job", () => {
  it("is removed within a minute", async () => {
    const machine = new Machine();
    try {
      machine.start();
      machine.declare({ train: program(300_000, 0) });
      await machine.run(2_000);
      const [container] = machine.engine.running();
      machine.loseState();
      machine.undeclare("train");
      await machine.run(60_000, undefined, 1_000);
      expect(container).toBeDefined();
      expect(machine.engine.containers.size).toBe(0);
    } finally {
      machine.close();
    }
  });
});
