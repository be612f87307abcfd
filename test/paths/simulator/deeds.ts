import type { Machine } from "./machine.ts";
import type { Router } from "./router.ts";
import type { World } from "./world.ts";

/** A machine loses power. */
export function kill(world: World, machine: Machine): void {
  machine.stop();
  machine.host.isCut = true;
  machine.wireguard.reset();
  world.dropLinks(machine);
}

export function revive(machine: Machine): void {
  machine.host.isCut = false;
  machine.start();
}

/** Only the daemon starts again. */
export function restartDaemon(world: World, machine: Machine, downMs = 1_000): void {
  machine.stop();
  world.dropLinks(machine);
  world.after(downMs, () => machine.start());
}

/** A laptop is carried to another house; its daemon sees that a little later. */
export function roam(world: World, machine: Machine, router: Router): void {
  world.log(`${machine.name} is carried to another house`);
  machine.host.move(router.inside, world.addressIn(router));
  world.after(200 + world.random() * 800, () => {
    machine.moved();
    world.dropLinks(machine);
  });
}

export function reboot(world: World, router: Router, { forMs = 4_000, newAddress = false } = {}): void {
  world.log(`the router ${router.wan} starts again`);
  router.isCut = true;
  router.forget();
  world.after(forMs, () => {
    if (newAddress) router.renumber(world.newAddress(router.outside.gateway === undefined ? "198.51.100" : "100.64.1"));
    router.isCut = false;
  });
}

/** A public machine gets another address. */
export function renumber(world: World, machine: Machine): void {
  world.log(`${machine.name} has another public address`);
  machine.host.move(world.internet.root, world.newAddress("203.0.113"));
  world.after(200 + world.random() * 800, () => {
    machine.moved();
    world.dropLinks(machine);
  });
}

/** Those named reach only each other. */
export function partition(world: World, machines: readonly Machine[]): void {
  world.log(`apart: ${machines.map(({ name }) => name).join(" ")}`);
  for (const { host } of machines) host.group = 1;
}

export function heal(world: World): void {
  world.log("together again");
  for (const { host } of world.machines) host.group = 0;
}

/** These two do not reach each other, and everybody else reaches both. */
export function sever(world: World, one: Machine, other: Machine): void {
  world.log(`nothing passes between ${one.name} and ${other.name}`);
  one.host.severed.add(other.host);
  other.host.severed.add(one.host);
}

export function mend(world: World, one: Machine, other: Machine): void {
  world.log(`packets pass between ${one.name} and ${other.name} again`);
  one.host.severed.delete(other.host);
  other.host.severed.delete(one.host);
}
