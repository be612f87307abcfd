import { expect, test } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { untilGone } from "../../src/store/until-gone.ts";
import { openStore } from "./store-fixture.ts";

const key = { kind: "Job", name: "train" } as const;
const draft = { kind: "Job", name: "train", spec: { command: ["true"] } } as const;
const patient = { clock: systemClock, forMs: 60_000 };

test("an object that is not there is gone", async () => {
  const { store } = openStore();
  expect(await untilGone(store, key, patient)).toBe(true);
});

test("an object is gone when the last finalizer is released, not when somebody deletes it", async () => {
  const { store } = openStore();
  store.create({ ...draft, finalizers: ["homie.dev/cleanup"] });
  store.create({ ...draft, name: "other" });
  const steps: string[] = [];
  const waiting = untilGone(store, key, patient).then((isGone) => steps.push(`answered ${isGone}`));
  store.delete(key);
  store.delete({ kind: "Job", name: "other" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  steps.push("released");
  store.setFinalizers(key, []);
  await waiting;
  expect(steps).toEqual(["released", "answered true"]);
});

test("an object that stays is said to be there", async () => {
  const { store } = openStore();
  store.create({ ...draft, finalizers: ["homie.dev/cleanup"] });
  store.delete(key);
  expect(await untilGone(store, key, { clock: systemClock, forMs: 20 })).toBe(false);
});
