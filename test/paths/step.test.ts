import { describe, expect, test } from "vitest";
import { pathOf } from "../../src/paths/explain.ts";
import { ownFacts } from "../../src/paths/state.ts";
import { pairKey, Table, type TableMachine } from "./table.ts";

const anna = "a".repeat(25);
const bert = "b".repeat(25);
const vivek = "v".repeat(25);
const wanda = "w".repeat(25);

const home = (last: number): { addresses: { address: string; prefix: number }[] } => ({
  addresses: [{ address: `192.168.${last}.2`, prefix: 24 }],
});
const open = (last: number): { addresses: { address: string; prefix: number }[]; canRelay: boolean } => ({
  addresses: [{ address: `203.0.113.${last}`, prefix: 24 }],
  canRelay: true,
});

interface Cast {
  readonly table: Table;
  readonly anna: TableMachine;
  readonly bert: TableMachine;
  readonly vivek: TableMachine;
}

/** Two behind routers, and one that both reach. */
function meetAtVivek(): Cast {
  const table = new Table();
  const cast = {
    table,
    anna: table.add(anna, home(1)),
    bert: table.add(bert, home(2)),
    vivek: table.add(vivek, open(10)),
  };
  cast.anna.works.set(vivek, "203.0.113.10:51820");
  cast.bert.works.set(vivek, "203.0.113.10:51820");
  cast.vivek.works.set(anna, "198.51.100.1:51820");
  cast.vivek.works.set(bert, "198.51.100.2:51820");
  table.meet();
  table.pass(4);
  return cast;
}

function punch({ anna: one, bert: other }: Cast): void {
  one.works.set(bert, "198.51.100.2:51820");
  other.works.set(anna, "198.51.100.1:51820");
}

const view = (machine: TableMachine, node: string, { table }: Cast): string => {
  const { connection, via } = pathOf(machine.state, node, table.nowMs);
  return via === undefined ? connection : `${connection} via ${via.slice(0, 1)}`;
};

describe("a pair behind two routers", () => {
  test("goes through the member that both reach, within seconds, and both sides agree", () => {
    const cast = meetAtVivek();
    expect(view(cast.anna, bert, cast)).toBe("relay via v");
    expect(view(cast.bert, anna, cast)).toBe("relay via v");
    expect(cast.anna.tunnel(vivek)?.carries).toEqual([bert, vivek]);
    expect(cast.bert.tunnel(vivek)?.carries).toEqual([anna, vivek]);
    expect(cast.anna.tunnel(bert)?.carries).toEqual([]);
  });

  test("looks for a direct way meanwhile, where the third sees the other", () => {
    const cast = meetAtVivek();
    const knocks = (machine: TableMachine, node: string): string | undefined => {
      const { endpoint, keepaliveSeconds } = machine.tunnel(node) ?? {};
      return keepaliveSeconds === 5 ? endpoint : undefined;
    };
    const met = Array.from({ length: 12 }, () => {
      cast.table.pass(1);
      return knocks(cast.anna, bert) === "198.51.100.2:51820" && knocks(cast.bert, anna) === "198.51.100.1:51820";
    });
    expect(met).toContain(true);
    expect(cast.anna.renewed).toContain(bert);
    expect(cast.bert.renewed).toContain(anna);
  });

  test("goes straight as soon as both see that this works, and keeps the holes open", () => {
    const cast = meetAtVivek();
    punch(cast);
    cast.table.pass(2);
    expect(view(cast.anna, bert, cast)).toBe("punched");
    expect(view(cast.bert, anna, cast)).toBe("punched");
    expect(cast.anna.tunnel(bert)).toMatchObject({ carries: [bert], keepaliveSeconds: 25 });
    expect(cast.bert.tunnel(anna)).toMatchObject({ carries: [anna], keepaliveSeconds: 25 });
  });

  test("does not go straight when only one side sees that it works", () => {
    const cast = meetAtVivek();
    cast.anna.works.set(bert, "198.51.100.2:51820");
    cast.table.pass(5);
    expect(view(cast.anna, bert, cast)).toBe("relay via v");
  });

  test("goes round by the third again when the holes close", () => {
    const cast = meetAtVivek();
    punch(cast);
    cast.table.pass(3);
    cast.anna.works.delete(bert);
    cast.bert.works.delete(anna);
    cast.table.pass(6);
    expect(view(cast.anna, bert, cast)).toBe("relay via v");
    expect(view(cast.bert, anna, cast)).toBe("relay via v");
  });

  test("takes another relay when the first dies", () => {
    const cast = meetAtVivek();
    const second = cast.table.add(wanda, open(11));
    for (const [machine, place] of [
      [cast.anna, "198.51.100.1:51820"],
      [cast.bert, "198.51.100.2:51820"],
    ] as const) {
      machine.works.set(wanda, "203.0.113.11:51820");
      second.works.set(machine.node, place);
    }
    cast.table.pass(3);
    expect(view(cast.anna, bert, cast)).toBe("relay via v");
    for (const machine of [cast.anna, cast.bert]) machine.works.delete(vivek);
    cast.table.pass(7);
    expect(view(cast.anna, bert, cast)).toBe("relay via w");
    expect(view(cast.bert, anna, cast)).toBe("relay via w");
  });

  test("is quiet and unchanged once all is settled", () => {
    const cast = meetAtVivek();
    punch(cast);
    cast.table.pass(30);
    const before = cast.anna.tunnel(bert);
    cast.table.said.length = 0;
    cast.anna.renewed.length = 0;
    cast.table.pass(300);
    expect(cast.table.said).toEqual([]);
    expect(cast.anna.renewed).toEqual([]);
    expect(cast.anna.tunnel(bert)).toBe(before);
  });

  test("agrees again after messages were lost for a while", () => {
    const cast = meetAtVivek();
    cast.table.deaf.add(pairKey(anna, bert));
    punch(cast);
    cast.table.pass(20);
    expect(cast.anna.tunnel(vivek)?.carries).toEqual([bert, vivek]);
    cast.table.deaf.clear();
    cast.table.pass(6);
    expect(view(cast.anna, bert, cast)).toBe("punched");
    expect(view(cast.bert, anna, cast)).toBe("punched");
  });
});

describe("what a machine says of itself", () => {
  test("is its addresses, what a router maps, and where others see it", () => {
    const cast = meetAtVivek();
    expect(ownFacts(cast.anna.state)).toEqual({
      places: [
        { kind: "lan", endpoint: "192.168.1.2:51820" },
        { kind: "seen", endpoint: "198.51.100.1:51820" },
      ],
      nat: "unknown",
      relays: false,
    });
    expect(ownFacts(cast.vivek.state)).toMatchObject({ nat: "none", relays: true });
  });

  test("is that its router gives each destination another port, when two see it at two", () => {
    const cast = meetAtVivek();
    const second = cast.table.add(wanda, open(11));
    cast.anna.works.set(wanda, "203.0.113.11:51820");
    second.works.set(anna, "198.51.100.1:40000");
    cast.table.pass(3);
    expect(ownFacts(cast.anna.state).nat).toBe("symmetric");
    second.works.set(anna, "198.51.100.1:51820");
    cast.table.pass(3);
    expect(ownFacts(cast.anna.state).nat).toBe("endpoint-independent");
  });
});

describe("a machine that starts over tunnels of an earlier run", () => {
  test("leaves them as they are", () => {
    const table = new Table();
    const one = table.add(anna, { ...home(1), up: false });
    table.add(bert, home(2));
    table.add(vivek, open(10));
    table.meet();
    one.take({ kind: "own", own: { ...one.state.own, up: true } });
    const base = { handshakeAgeMs: 20_000, receivedBytes: 9, sentBytes: 9 };
    const tunnels = [
      { node: vivek, endpoint: "203.0.113.10:51820", carries: [vivek, bert], ...base },
      { node: bert, receivedBytes: 0, sentBytes: 0, carries: [] },
    ];
    one.take({ kind: "dump", tunnels });
    expect(one.renewed).not.toContain(vivek);
    expect(one.tunnel(vivek)?.carries).toEqual([bert, vivek]);
    expect(one.tunnel(bert)?.carries).toEqual([]);
  });
});
