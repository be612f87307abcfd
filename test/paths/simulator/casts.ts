import type { NatKind } from "../../../src/resources/network-report.ts";
import type { Machine } from "./machine.ts";
import type { Router, RouterKind } from "./router.ts";
import { World } from "./world.ts";

export interface Friends {
  readonly world: World;
  readonly vivek: Machine;
  readonly raj: Machine;
  readonly priya: Machine;
  readonly alex: Machine;
  readonly sam: Machine;
}

/** One public, two behind ordinary routers, one behind a hard one, one where UDP is blocked. */
export function friends(seed: number): Friends {
  const world = new World(seed);
  const cast = {
    world,
    vivek: world.addPublic("vivek", { canRelay: true }),
    raj: world.addAt(world.addHouse("cone"), "raj"),
    priya: world.addAt(world.addHouse("cone"), "priya"),
    alex: world.addAt(world.addHouse("symmetric"), "alex"),
    sam: world.addAt(world.addHouse("udp-blocked"), "sam"),
  };
  world.begin();
  return cast;
}

export interface Trio {
  readonly world: World;
  readonly anna: Machine;
  readonly bert: Machine;
  readonly relay: Machine;
  readonly second: Machine | undefined;
  readonly houses: readonly [Router, Router];
}

/** Two behind routers, and one or two that both reach. */
export function trio(seed: number, kinds: readonly [RouterKind, RouterKind], hasSecond = false): Trio {
  const world = new World(seed);
  const houses = [world.addHouse(kinds[0]), world.addHouse(kinds[1])] as const;
  // By the letters of their names one time the relay decides, one time the others.
  const [first, other] = seed % 2 === 0 ? ["relay", "second"] : ["arelay", "zsecond"];
  const relay = world.addPublic(first ?? "", { canRelay: true });
  const second = hasSecond ? world.addPublic(other ?? "", { canRelay: true }) : undefined;
  const anna = world.addAt(houses[0], "anna");
  const bert = world.addAt(houses[1], "bert");
  world.begin();
  return { world, anna, bert, relay, second, houses };
}

const kinds = ["full-cone", "restricted", "cone", "cone", "cone", "symmetric", "udp-blocked"] as const;
const hints: Readonly<Record<RouterKind, NatKind>> = {
  "full-cone": "endpoint-independent",
  restricted: "endpoint-independent",
  cone: "endpoint-independent",
  symmetric: "symmetric",
  "udp-blocked": "udp-blocked",
};
const alphabet = "abcdefghijklmnopqrstuvwxyz";

/** 3 to 12 machines or less, at least one public that relays; houses of one or several, some behind carriers. */
export function randomCrew(seed: number, most = 12): World {
  const world = new World(seed);
  const dice = (sides: number): number => Math.floor(world.random() * sides);
  const letter = (): string => alphabet[dice(26)] ?? "";
  const size = 3 + dice(most - 2);
  const name = (): string => `${letter()}${letter()}${letter()}${alphabet[world.machines.length] ?? ""}`;
  const relays = 1 + dice(2);
  for (let index = 0; index < relays; index += 1) world.addPublic(name(), { canRelay: true });
  const carriers: Router[] = [];
  while (world.machines.length < size) {
    if (dice(6) === 0) {
      world.addPublic(name(), { canRelay: dice(2) === 0 });
      continue;
    }
    const kind = kinds[dice(kinds.length)] ?? "cone";
    const behind =
      dice(5) === 0 ? (carriers[dice(2)] ?? world.addHouse(dice(2) === 0 ? "cone" : "symmetric")) : undefined;
    if (behind !== undefined && !carriers.includes(behind)) carriers.push(behind);
    const house = world.addHouse(kind, {
      ...(behind === undefined ? {} : { carrier: behind }),
      ...(dice(3) === 0 ? { network: "192.168.1" } : {}),
    });
    const natHint = dice(3) === 0 && behind === undefined ? { natHint: hints[kind] } : {};
    for (let people = 1 + (dice(3) === 0 ? 1 : 0); people > 0 && world.machines.length < size; people -= 1)
      world.addAt(house, name(), natHint);
  }
  world.begin();
  return world;
}
