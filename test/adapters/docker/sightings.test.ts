import { expect, it } from "vitest";
import { createSightings } from "../../../src/adapters/docker/sightings.ts";
import type { RuntimeFacts } from "../../../src/controllers/attempt/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const clock = new FakeClock();

/** An engine whose container is in the phase the test says, and that counts how often it is asked. */
class Container {
  phase: "absent" | "created" = "absent";
  asked = 0;
  readonly ask = async (): Promise<RuntimeFacts> => {
    this.asked += 1;
    return this.phase === "absent" ? { phase: "absent" } : { phase: "created", containerId: "c", specSha256: "s" };
  };
}

it("asks once between two events", async () => {
  const [sightings, container] = [createSightings(clock), new Container()];
  using _ = sightings.listening(() => undefined);
  expect(await sightings.look("a", container.ask)).toEqual({ phase: "absent" });
  container.phase = "created";
  await sightings.look("a", container.ask);
  expect(container.asked).toBe(1);
  sightings.forget("a");
  expect(await sightings.look("a", container.ask)).toMatchObject({ phase: "created" });
});

it("believes nothing for longer than a second, whatever events say", async () => {
  const [sightings, container] = [createSightings(clock), new Container()];
  using _ = sightings.listening(() => undefined);
  await sightings.look("a", container.ask);
  await clock.advance(999);
  await sightings.look("a", container.ask);
  expect(container.asked).toBe(1);
  await clock.advance(1);
  await sightings.look("a", container.ask);
  expect(container.asked).toBe(2);
});

it("keeps no answer that an event overtook", async () => {
  const [sightings, container] = [createSightings(clock), new Container()];
  using _ = sightings.listening(() => undefined);
  const asked = Promise.withResolvers<RuntimeFacts>();
  const early = sightings.look("a", () => asked.promise);
  sightings.forget("a");
  asked.resolve({ phase: "absent" });
  await early;
  container.phase = "created";
  expect(await sightings.look("a", container.ask)).toMatchObject({ phase: "created" });
});

it("forgets what was seen before and during a change, also of one that fails", async () => {
  const [sightings, container] = [createSightings(clock), new Container()];
  using _ = sightings.listening(() => undefined);
  const change = async (): Promise<void> => {
    await sightings.look("a", container.ask);
    container.phase = "created";
    throw new Error("half done");
  };
  await expect(sightings.changing("a", change)).rejects.toThrow("half done");
  expect(await sightings.look("a", container.ask)).toMatchObject({ phase: "created" });
});

it("keeps neither failures nor anything while nobody listens", async () => {
  const [sightings, container] = [createSightings(clock), new Container()];
  await sightings.look("a", container.ask);
  await sightings.look("a", container.ask);
  expect(container.asked).toBe(2);
  using _ = sightings.listening(() => undefined);
  await expect(sightings.look("a", () => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
  await sightings.look("a", container.ask);
  expect(container.asked).toBe(3);
});

it("doubts an answer that a container runs which has ended, looks again soon, and gives in some time", async () => {
  const [sightings, doubted] = [createSightings(clock), [] as string[]];
  using _ = sightings.listening((name) => doubted.push(name));
  const running = (): Promise<RuntimeFacts> =>
    Promise.resolve({ phase: "running", containerId: "c", specSha256: "s", startedAt: "2026-01-01T00:00:00.000Z" });
  sightings.hasEnded("a");
  for (let round = 1; round <= 8; round += 1) {
    await sightings.look("a", running);
    await clock.advance(2_000);
  }
  expect(doubted).toEqual(["a", "a", "a", "a", "a"]);
  // Somebody started it again.
  sightings.hasEnded("a");
  sightings.forget("a");
  await sightings.look("a", running);
  await clock.advance(2_000);
  expect(doubted).toHaveLength(5);
});

it("does not ask for what homie has just made so, until something happens or a second is over", async () => {
  const [sightings, container] = [createSightings(clock), new Container()];
  const made: RuntimeFacts = { phase: "created", containerId: "c", specSha256: "s" };
  sightings.saw("a", made);
  expect(await sightings.look("a", container.ask), "nobody listens: nothing is believed").toEqual({ phase: "absent" });
  using _ = sightings.listening(() => undefined);
  sightings.saw("a", made);
  expect(await sightings.look("a", container.ask)).toEqual(made);
  sightings.forget("a");
  expect(await sightings.look("a", container.ask)).toEqual({ phase: "absent" });
  sightings.saw("a", made);
  await clock.advance(1_000);
  expect(await sightings.look("a", container.ask)).toEqual({ phase: "absent" });
  expect(container.asked).toBe(3);
});
