import { describe, expect, test } from "vitest";
import { Table, type TableMachine } from "./table.ts";

const leader = "a".repeat(25);
const follower = "b".repeat(25);
const carrier = "127.0.0.1:40000";

interface Cast {
  readonly table: Table;
  readonly blocked: TableMachine;
  readonly open: TableMachine;
}

/** One whose network lets no UDP out, and one with a public address; a third, so that both are seen somewhere. */
function meet(blockedNode: string, openNode: string): Cast {
  const table = new Table();
  const blocked = table.add(blockedNode, {
    addresses: [{ address: "192.168.1.2", prefix: 24 }],
    natHint: "udp-blocked",
  });
  const open = table.add(openNode, { addresses: [{ address: "203.0.113.10", prefix: 24 }], canRelay: true });
  const third = table.add("c".repeat(25), { addresses: [{ address: "203.0.113.20", prefix: 24 }] });
  open.works.set(third.node, "203.0.113.20:51820");
  third.works.set(open.node, "203.0.113.10:51820");
  table.meet();
  return { table, blocked, open };
}

describe.each([
  ["the one that follows", follower, leader],
  ["the one that leads", leader, follower],
])("where UDP is blocked for %s", (_who, blockedNode, openNode) => {
  const seconds = Array.from({ length: 40 }, (_, index) => index);

  test.each(seconds)("a connection that carries packets is tried at once, opened after %i s", (waited) => {
    const { table, blocked } = meet(blockedNode, openNode);
    table.pass(waited);
    blocked.carried.set(openNode, carrier);
    table.pass(1);
    expect(blocked.tunnel(openNode)?.endpoint).toBe(carrier);
  });

  test.each(seconds)("and stays where packets go, whatever the other side tries (opened after %i s)", (waited) => {
    const { table, blocked } = meet(blockedNode, openNode);
    table.pass(waited);
    blocked.carried.set(openNode, carrier);
    const endpoints = Array.from({ length: 30 }, () => {
      table.pass(1);
      return blocked.tunnel(openNode)?.endpoint;
    });
    expect(new Set(endpoints)).toEqual(new Set([carrier]));
    const knocks = blocked.renewed.filter((node) => node === openNode).length;
    expect(knocks).toBeGreaterThan(1);
  });
});
