import { describe, expect, onTestFinished, test } from "vitest";
import type { MappingRequest, RouterAnswer, RouterQuestion } from "../../../src/adapters/port-mapper/ask-router.ts";
import { PortMapper } from "../../../src/adapters/port-mapper/port-mapper.ts";
import type { Logger } from "../../../src/reconciler/types.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";

const minute = 60_000;
const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const home: MappingRequest = { port: 51_820, gateway: "192.168.1.1", localHost: "192.168.1.7" };
const silent: RouterAnswer = { problem: "no answer" };

/** A mapper before a router that answers as it is told, and hears everything. */
class Desk {
  readonly clock = new FakeClock();
  readonly heard: RouterQuestion[] = [];
  wanted: MappingRequest | undefined;
  pmp: RouterAnswer = silent;
  upnp: RouterAnswer = silent;
  changes = 0;
  /** A router that takes its time. */
  wait: Promise<void> | undefined;
  readonly mapper: PortMapper;

  constructor(wanted?: MappingRequest) {
    this.wanted = wanted;
    this.mapper = new PortMapper({
      ...{ clock: this.clock, log },
      request: () => Promise.resolve(this.wanted),
      onChange: () => void (this.changes += 1),
      ask: (question, signal) => this.#answer(question, signal),
    });
    onTestFinished(() => this.mapper.close());
  }

  take(): readonly string[] {
    return this.heard.splice(0).map(({ act, protocol }) => `${act} ${protocol}`);
  }

  async #answer(question: RouterQuestion, signal: AbortSignal): Promise<RouterAnswer> {
    this.heard.push(question);
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    if (this.wait !== undefined) await Promise.race([this.wait, stopped]);
    return question.protocol === "upnp" ? this.upnp : this.pmp;
  }
}

describe("a mapping", () => {
  test("is asked for by NAT-PMP, then by UPnP", async () => {
    const desk = new Desk(home);
    desk.upnp = { host: "203.0.113.7", port: 51_820 };
    await settle();
    expect(desk.take()).toEqual(["map nat-pmp", "map upnp"]);
    expect(desk.mapper.answer).toEqual({ kind: "mapped", protocol: "upnp", host: "203.0.113.7", port: 51_820 });
    expect(desk.changes).toBe(1);
  });

  test("is asked for again before the router forgets it, at the same port outside, and nobody is told twice", async () => {
    const desk = new Desk(home);
    desk.pmp = { host: "203.0.113.7", port: 4_000 };
    await settle();
    expect(desk.heard.splice(0)).toMatchObject([{ act: "map", external: 51_820 }]);
    await desk.clock.advance(20 * minute);
    expect(desk.heard.splice(0)).toMatchObject([{ act: "map", external: 4_000 }]);
    expect(desk.changes).toBe(1);
  });

  test("is given back at the end, and is asked for no more", async () => {
    const desk = new Desk(home);
    desk.pmp = { host: "203.0.113.7", port: 4_000 };
    await settle();
    desk.take();
    await desk.mapper.close();
    expect(desk.heard.splice(0)).toEqual([{ act: "remove", protocol: "nat-pmp", external: 4_000, ...home }]);
    await desk.clock.advance(600 * minute);
    expect(desk.heard).toEqual([]);
  });

  test("is given back when the end comes while the router is asked again", async () => {
    const desk = new Desk(home);
    desk.pmp = { host: "203.0.113.7", port: 51_820 };
    await settle();
    desk.wait = new Promise(() => undefined);
    await desk.clock.advance(20 * minute);
    expect(desk.take()).toEqual(["map nat-pmp", "map nat-pmp"]);
    const closing = desk.mapper.close();
    desk.wait = undefined;
    await closing;
    expect(desk.take()).toEqual(["remove nat-pmp"]);
  });

  test("that a router gives no more is told as gone, and asked for soon again", async () => {
    const desk = new Desk(home);
    desk.pmp = { host: "203.0.113.7", port: 51_820 };
    await settle();
    desk.pmp = silent;
    await desk.clock.advance(20 * minute);
    expect(desk.mapper.answer).toEqual({ kind: "none", problem: "nat-pmp: no answer; upnp: no answer" });
    expect(desk.changes).toBe(2);
    desk.pmp = { host: "203.0.113.7", port: 51_820 };
    await desk.clock.advance(minute);
    expect(desk.mapper.answer).toMatchObject({ kind: "mapped" });
  });

  test.each([
    { host: "router.example", port: 51_820 },
    { host: "203.0.113.7\n", port: 51_820 },
    { host: "203.0.113.7", port: Number.NaN },
    { host: "203.0.113.7", port: 0 },
    { host: "203.0.113.7", port: 65_536 },
    { host: undefined as unknown as string, port: 1 },
  ])("is none where the router answers $host and $port", async (answer) => {
    const desk = new Desk(home);
    desk.pmp = answer;
    await settle();
    expect(desk.mapper.answer).toEqual({
      kind: "none",
      problem: "nat-pmp: the router answers with what is no address; upnp: no answer",
    });
  });

  test("moves with the port of this machine", async () => {
    const desk = new Desk(home);
    desk.pmp = { host: "203.0.113.7", port: 51_820 };
    await settle();
    desk.wanted = { ...home, port: 51_900 };
    desk.heard.length = 0;
    desk.mapper.restart();
    await settle();
    expect(desk.heard).toMatchObject([
      { act: "remove", port: 51_820 },
      { act: "map", port: 51_900, external: 51_900 },
    ]);
  });

  test("is given back, and forgotten, where none is needed any more", async () => {
    const desk = new Desk(home);
    desk.pmp = { host: "203.0.113.7", port: 51_820 };
    await settle();
    desk.take();
    desk.wanted = undefined;
    desk.mapper.restart();
    await settle();
    expect(desk.take()).toEqual(["remove nat-pmp"]);
    expect(desk.mapper.answer).toBeUndefined();
  });
});

describe("a router that maps nothing", () => {
  test("is asked less and less often, at last four times a day", async () => {
    const desk = new Desk(home);
    await settle();
    const pauses = [10, 20, 40, 80, 160, 320, 360, 360];
    for (const pause of pauses) {
      expect(desk.take()).toEqual(["map nat-pmp", "map upnp"]);
      await desk.clock.advance(pause * minute - 1);
      expect(desk.take()).toEqual([]);
      await desk.clock.advance(1);
    }
    expect(desk.changes).toBe(1);
  });

  test("is another one after a move: that is asked at once, though the first still thinks", async () => {
    const desk = new Desk(home);
    desk.wait = new Promise(() => undefined);
    await settle();
    expect(desk.take()).toEqual(["map nat-pmp"]);
    desk.wait = undefined;
    desk.pmp = { host: "203.0.113.7", port: 51_820 };
    desk.wanted = { ...home, gateway: "192.168.9.1", localHost: "192.168.9.7" };
    desk.mapper.restart();
    await settle();
    expect(desk.heard.at(-1)).toMatchObject({ act: "map", gateway: "192.168.9.1" });
    expect(desk.mapper.answer).toMatchObject({ kind: "mapped" });
  });

  test("is not looked for where this machine needs none", async () => {
    const desk = new Desk();
    await settle();
    await desk.clock.advance(60 * minute);
    expect(desk.heard).toEqual([]);
    expect(desk.mapper.answer).toBeUndefined();
  });
});
