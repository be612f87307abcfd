import type { Dice } from "./dice.ts";

type Holder = Record<string, unknown> | unknown[];

const numbers: readonly number[] = [
  0,
  -0,
  -1,
  0.5,
  255,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 50 + 1,
  2 ** 53,
  1e308,
  -1e308,
  5e-324,
];
const texts: readonly string[] = [
  ...["", "0", "-1", "null", "x", "X", "é", "\u0000", "\n", "\u001b[2J", "\u202e", "\ud800", "\u{1f600}", "'\"\\"],
  ...[
    "../..",
    "/etc/passwd",
    "a/../b",
    "C:\\x",
    "CON",
    "__proto__",
    "constructor",
    "--privileged",
    "$(x)",
    "*".repeat(40),
  ],
  ...["10.77.0.1", "127.0.0.1", "0.0.0.0/0", "10.77.0.0/31", "[::1]:22", "A".repeat(43), `${"A".repeat(42)}B`],
  ...["x".repeat(64), "x".repeat(300), "a/".repeat(40), "9".repeat(400)],
];
const keys: readonly string[] = ["__proto__", "constructor", "toString", "", "kind", "extra", "0", "length"];

function odd(dice: Dice): unknown {
  const kind = dice.below(8);
  if (kind < 3) return dice.pick(numbers);
  if (kind < 6) return dice.pick(texts);
  if (kind === 6) return dice.pick([null, true, false]);
  return dice.chance(50) ? nested(dice.size(80)) : Array.from({ length: dice.size(300) }, () => dice.pick(texts));
}

function nested(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function near(value: unknown, dice: Dice): unknown {
  if (typeof value === "number")
    return dice.chance(50) ? value + dice.pick([1, -1, 0.5]) : value * dice.pick([2, -1, 1e6]);
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return odd(dice);
  const at = dice.below(value.length + 1);
  const piece = dice.chance(50) ? dice.pick(texts) : String.fromCharCode(32 + dice.below(95));
  return value.slice(0, at) + piece + value.slice(at + dice.below(3));
}

/** Every object and list of a value, the outermost first. */
function holdersOf(value: unknown): readonly Holder[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Holder;
  return [holder, ...Object.values(holder).flatMap(holdersOf)];
}

function change(holder: Holder, holders: readonly Holder[], dice: Dice): void {
  const names = Object.keys(holder);
  const name = names.length === 0 ? dice.pick(keys) : dice.pick(names);
  const fields = holder as Record<string, unknown>;
  const how = dice.below(10);
  if (how < 4) define(holder, name, near(fields[name], dice));
  else if (how < 6) define(holder, name, odd(dice));
  else if (how === 6) Reflect.deleteProperty(fields, name);
  else if (how === 7) define(holder, dice.pick(keys), odd(dice));
  else if (Array.isArray(holder)) holder.splice(0, holder.length, ...repeat(holder, dice));
  else define(holder, name, structuredClone(dice.pick(holders)));
}

function repeat(list: readonly unknown[], dice: Dice): readonly unknown[] {
  const times = dice.pick([2, 3, dice.size(200)]);
  const items = list.length === 0 ? [odd(dice)] : list;
  return Array.from({ length: times }, () => items)
    .flat()
    .slice(0, 400);
}

/** As JSON.parse would: `__proto__` becomes a field like any other. */
function define(holder: Holder, key: string, value: unknown): void {
  if (Array.isArray(holder) && !/^[0-9]+$/.test(key)) holder.push(value);
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A copy of a JSON value with one to five of its parts changed. */
export function mutateJson(value: unknown, dice: Dice): unknown {
  const copy: unknown = structuredClone(value);
  for (let count = 1 + dice.size(4); count > 0; count -= 1) {
    const holders = holdersOf(copy);
    if (holders.length > 0) change(dice.pick(holders), holders, dice);
  }
  return copy;
}
