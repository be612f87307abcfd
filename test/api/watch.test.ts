import { describe, expect, test } from "vitest";
import { createApi } from "../../src/api/create-api.ts";
import { ask, lineReader } from "./ask.ts";
import { jobs, openTestHome, tableType } from "./support.ts";
import type { TestHome } from "./support.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function watch(home: TestHome, query: string, accept = "application/json") {
  const response = await home.fetch(`${jobs}?${query}`, { headers: { accept } });
  expect(response.status).toBe(200);
  return lineReader(response);
}
const brief = (event: any): unknown => [event.type, event.object.metadata.name];

describe("watching", () => {
  test.each(["watch=true", "watch=True", "watch=1", "watch", "watch=true&resourceVersion=0"])(
    "?%s begins with everything there is",
    async (query) => {
      const home = openTestHome();
      await home.job("b");
      await home.job("a");
      const events = await watch(home, query);
      expect([brief(await events.next()), brief(await events.next())]).toEqual([
        ["ADDED", "a"],
        ["ADDED", "b"],
      ]);
      await home.job("c");
      expect(brief(await events.next())).toEqual(["ADDED", "c"]);
      await events.close();
    },
  );

  test("from the version of a list, a watch brings exactly what came after it", async () => {
    const home = openTestHome();
    await home.job("old");
    const { metadata } = await home.get(jobs);
    await home.job("new");
    const events = await watch(home, `watch=true&resourceVersion=${metadata.resourceVersion}`);
    expect([brief(await events.next()), brief(await events.next())]).toEqual([
      ["ADDED", "new"],
      ["MODIFIED", "new"],
    ]);
    home.setStatus("old", { phase: "Running" });
    const changed = await events.next();
    expect([changed.type, changed.object]).toEqual(["MODIFIED", home.store.get({ kind: "Job", name: "old" })]);
    await home.send("DELETE", `${jobs}/old`);
    expect(brief(await events.next())).toEqual(["DELETED", "old"]);
    await events.close();
  });

  test.each([
    ["from the future", (version: bigint) => version + 1000n, ""],
    [
      "from the future, with initial events",
      (version: bigint) => version + 1000n,
      "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    ],
    ["too old", () => 1n, ""],
  ])("a version %s is answered with an Expired event and the end", async (_what, of, more) => {
    const home = openTestHome();
    await home.job("a");
    const version = of(BigInt(home.store.currentVersion()));
    const events = await watch(home, `watch=true&resourceVersion=${version}${more}`);
    expect(await events.next()).toMatchObject({
      type: "ERROR",
      object: { kind: "Status", code: 410, reason: "Expired" },
    });
    expect(await events.next()).toBeUndefined();
  });

  test("sendInitialEvents marks the end of what there was with a bookmark", async () => {
    const home = openTestHome();
    await home.job("a");
    const events = await watch(
      home,
      "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=",
    );
    expect(brief(await events.next())).toEqual(["ADDED", "a"]);
    const bookmark = await events.next();
    expect(bookmark).toEqual({
      type: "BOOKMARK",
      object: {
        kind: "Job",
        apiVersion: "homie.dev/v1",
        metadata: {
          resourceVersion: home.store.currentVersion(),
          annotations: { "k8s.io/initial-events-end": "true" },
        },
      },
    });
    await events.close();
  });

  test("bookmarks come while nothing happens, for those who want them", async () => {
    const home = openTestHome({ bookmarkEveryMs: 5 });
    const version = home.store.currentVersion();
    const events = await watch(home, `watch=true&allowWatchBookmarks=true`);
    expect(await events.next()).toMatchObject({ type: "BOOKMARK", object: { metadata: { resourceVersion: version } } });
    await events.close();
  });

  test("a watch ends at timeoutSeconds", async () => {
    const home = openTestHome();
    const events = await watch(home, "watch=true&timeoutSeconds=1");
    expect(await events.next()).toBeUndefined();
  });

  test("a watch ends cleanly when the daemon stops", async () => {
    const stop = new AbortController();
    const home = openTestHome({ signal: stop.signal });
    const events = await watch(home, "watch=true");
    stop.abort();
    expect(await events.next()).toBeUndefined();
  });

  test("an object that begins to match is ADDED, and DELETED when it no longer does", async () => {
    const home = openTestHome();
    await home.job("a");
    await home.job("b");
    const { metadata } = await home.get(`${jobs}?fieldSelector=status.phase=Running`);
    const events = await watch(
      home,
      `watch=true&fieldSelector=status.phase=Running&resourceVersion=${metadata.resourceVersion}`,
    );
    home.setStatus("b", { phase: "Staging" });
    home.setStatus("a", { phase: "Running" });
    home.setStatus("a", { phase: "Running", peer: "bob" });
    home.setStatus("a", { phase: "Succeeded" });
    home.setStatus("b", { phase: "Running" });
    await home.send("DELETE", `${jobs}/b`);
    const seen = [];
    for (let count = 0; count < 5; count += 1) seen.push(brief(await events.next()));
    expect(seen).toEqual([
      ["ADDED", "a"],
      ["MODIFIED", "a"],
      ["DELETED", "a"],
      ["ADDED", "b"],
      ["DELETED", "b"],
    ]);
    await events.close();
  });

  test("an object that stopped matching between list and watch is DELETED", async () => {
    const home = openTestHome();
    await home.job("a");
    home.setStatus("a", { phase: "Running" });
    const { metadata } = await home.get(`${jobs}?fieldSelector=status.phase=Running`);
    home.setStatus("a", { phase: "Succeeded" });
    const events = await watch(
      home,
      `watch=true&fieldSelector=status.phase=Running&resourceVersion=${metadata.resourceVersion}`,
    );
    expect(brief(await events.next())).toEqual(["DELETED", "a"]);
    await events.close();
  });

  test("a watch of one name hears of no other", async () => {
    const home = openTestHome();
    await home.job("a");
    await home.job("b");
    const { metadata } = await home.get(jobs);
    home.setStatus("b", { phase: "Running" });
    const events = await watch(
      home,
      `watch=true&fieldSelector=metadata.name=a&resourceVersion=${metadata.resourceVersion}`,
    );
    home.setStatus("b", { phase: "Succeeded" });
    await home.send("DELETE", `${jobs}/b`);
    await home.send("DELETE", `${jobs}/a`);
    expect(brief(await events.next())).toEqual(["DELETED", "a"]);
    await events.close();
  });

  test("a watched table carries its columns in the first event only", async () => {
    const home = openTestHome();
    await home.job("a");
    const events = await watch(home, "watch=true", tableType);
    const first = await events.next();
    home.setStatus("a", { phase: "Running" });
    const second = await events.next();
    expect([first.type, first.object.columnDefinitions.length > 5, first.object.rows[0].cells[1]]).toEqual([
      "ADDED",
      true,
      "Pending",
    ]);
    expect([second.type, second.object.columnDefinitions, second.object.rows[0].cells[1]]).toEqual([
      "MODIFIED",
      null,
      "Running",
    ]);
    await events.close();
  });

  test("a table that is watched from now on gets its columns with the first live event", async () => {
    const home = openTestHome();
    await home.job("a");
    const events = await watch(home, `watch=true&resourceVersion=${home.store.currentVersion()}`, tableType);
    home.setStatus("a", { phase: "Running" });
    expect((await events.next()).object.columnDefinitions.length).toBeGreaterThan(5);
    await events.close();
  });

  test("an event is rendered once for each shape, however many watch", async () => {
    const home = openTestHome();
    await home.job("a");
    let renderings = 0;
    const ports = { ...home.ports, now: () => ((renderings += 1), home.clock.now) };
    const api = createApi(ports, { version: "1", log: silent });
    const open = async (accept: string) => {
      const path = `${jobs}?watch=true&resourceVersion=${home.store.currentVersion()}`;
      return lineReader(await ask(api, path, { headers: { accept } }));
    };
    const watches = [await open("*/*"), await open("application/json"), await open("*/*")];
    home.setStatus("a", { phase: "Running" });
    const event = { type: "MODIFIED", object: home.store.get({ kind: "Job", name: "a" }) };
    for (const events of watches) expect(await events.next()).toEqual(event);
    expect(renderings).toBe(1);
    const partial = await open("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
    home.setStatus("a", { phase: "Succeeded" });
    for (const events of [...watches, partial]) expect((await events.next()).type).toBe("MODIFIED");
    expect(renderings).toBe(3);
    for (const events of [...watches, partial]) await events.close();
  });

  test("a reader that falls too far behind finds an Expired event in place of what it missed", async () => {
    const home = openTestHome({ maxWatchLagBytes: 20_000 });
    await home.job("a");
    const events = await watch(home, `watch=true&resourceVersion=${home.store.currentVersion()}`);
    for (let count = 0; count < 200; count += 1)
      home.setStatus("a", { phase: "Running", message: `${count}`.padStart(200) });
    const seen = [];
    for (let event = await events.next(); event !== undefined; event = await events.next()) seen.push(event);
    expect(seen.at(-1)).toMatchObject({ type: "ERROR", object: { code: 410 } });
    expect(seen.length).toBeLessThan(100);
  });

  test("a large list is no lag", async () => {
    const home = openTestHome({ maxWatchLagBytes: 2_000 });
    for (let count = 0; count < 30; count += 1) await home.job(`job-${count}`);
    const events = await watch(home, "watch=true");
    for (let count = 0; count < 30; count += 1) expect((await events.next()).type).toBe("ADDED");
    await events.close();
  });

  test("events can be watched as they are recorded and repeated", async () => {
    const home = openTestHome();
    await home.job("a");
    const response = await home.fetch(
      `/api/v1/events?watch=true&fieldSelector=reason=Ping&resourceVersion=${home.store.currentVersion()}`,
    );
    const events = lineReader(response);
    home.store.events.record({ kind: "Job", name: "a" }, "Normal", "Ping", "hello");
    home.store.events.record({ kind: "Job", name: "a" }, "Normal", "Ping", "hello");
    expect(await events.next()).toMatchObject({ type: "ADDED", object: { kind: "Event", count: 1 } });
    expect(await events.next()).toMatchObject({ type: "MODIFIED", object: { kind: "Event", count: 2 } });
    await events.close();
  });

  test("a watch that is closed leaves nothing behind in the store", async () => {
    const home = openTestHome();
    let open = 0;
    const subscribe = home.store.subscribe.bind(home.store);
    const counting = {
      ...home.store,
      subscribe: (...parameters: Parameters<typeof subscribe>) => {
        const subscription = subscribe(...parameters);
        if (subscription === "expired") return subscription;
        open += 1;
        return {
          [Symbol.dispose]: () => {
            open -= 1;
            subscription[Symbol.dispose]();
          },
        };
      },
    };
    const api = createApi({ ...home.ports, store: counting }, { version: "1", log: silent });
    const abort = new AbortController();
    const one = await ask(api, `${jobs}?watch=true`);
    const two = await ask(api, `${jobs}?watch=true`, { signal: abort.signal });
    expect(open).toBe(2);
    await one.body!.cancel();
    expect(open).toBe(1);
    abort.abort();
    await two.text();
    expect(open).toBe(0);
  });
});
