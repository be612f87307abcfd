import { expect, test } from "vitest";
import type { HistoryFilter } from "../../src/store/types.ts";
import { openStore } from "./store-fixture.ts";

test.each<[HistoryFilter, readonly number[]]>([
  [{}, [4, 3, 2, 1]],
  [{ peers: ["bob"] }, [3, 2]],
  [{ peers: ["anna", "'"] }, [4, 1]],
  [{ peers: ["b%"] }, []],
  [{ role: "plug" }, [4]],
  [{ outcome: "failed" }, [2]],
  [{ outcome: "succeeded", peers: ["bob"] }, [3]],
  [{ since: new Date("2026-01-01T00:00:02.500Z") }, [4, 3]],
  [{ since: new Date("2026-01-01T00:00:02.500Z"), limit: 1 }, [4]],
  [{ limit: 0 }, []],
])("history with %j has the attempts %j", (filter, expected) => {
  const { store } = openStore();
  const entry = { job: "x", uid: "u", generation: 1, peer: "bob", role: "mooch", outputs: 0 } as const;
  store.history.add({ ...entry, attempt: 1, peer: "anna", role: "self", phase: "Cancelled" });
  store.history.add({ ...entry, attempt: 2, phase: "Failed", startTime: "2026-01-01T00:00:02Z" });
  const endTime = "2026-01-01T00:00:02.500Z";
  store.history.add({ ...entry, attempt: 3, phase: "Succeeded", startTime: "2026-01-01T00:00:01Z", endTime });
  store.history.add({
    ...entry,
    attempt: 4,
    peer: "'",
    role: "plug",
    phase: "Succeeded",
    startTime: "2026-01-01T01:00:03+01:00",
  });
  expect(store.history.list(filter).map(({ attempt }) => attempt)).toEqual(expected);
});
