import { quantile, type Row } from "../../../src/daemon/bench/measure.ts";
import type { BenchCrew } from "./bench-crew.ts";

const runs = 5;

/** How long nobody answers after something broke. Pings go every few milliseconds, each waiting 0.2 s for its answer. */
export async function measureHealing(crew: BenchCrew): Promise<readonly Row[]> {
  await crew.gather("wilma", "raj", "priya", "alex");
  return [
    rowOf("the relay is switched off: no answer through it for", await killRelays(crew)),
    rowOf("a laptop is carried to another house: nobody is reached for", await roam(crew)),
  ];
}

async function killRelays(crew: BenchCrew): Promise<readonly number[]> {
  const times: number[] = [];
  const alex = await crew.addressOf("alex");
  for (let run = 0; run < runs; run += 1) {
    let relay = "";
    await crew.until("raj reaches alex through a third", async () => {
      const peer = await crew.peerOf("raj", "alex");
      relay = peer?.via ?? "";
      return relay !== "" && (await crew.staysReached("raj", alex, 3));
    });
    const fromMs = performance.now();
    await crew.at(relay).crash();
    await crew.pingsBack("raj", alex);
    times.push(performance.now() - fromMs);
    await crew.at(relay).powerOn();
    await crew.at(relay).up();
    for (const name of ["raj", "alex"])
      await crew.until(`${name} reaches ${relay}`, async () => {
        return (await crew.peerOf(name, relay))?.connection === "direct";
      });
  }
  return times;
}

/** To and fro. The clock starts as the cable is pulled, and does not stop while the new one comes up. */
async function roam(crew: BenchCrew): Promise<readonly number[]> {
  const times: number[] = [];
  const priya = await crew.addressOf("priya");
  const houses = await Promise.all(
    ["cafe", "library"].map((name, index) => crew.lab.addHouse(name, { nat: "cone", lan: `10.20.${index}` })),
  );
  for (let run = 0; run < runs; run += 1) {
    await crew.until("raj reaches priya", async () => {
      const isPunched = (await crew.peerOf("raj", "priya"))?.connection === "punched";
      return isPunched && (await crew.staysReached("raj", priya, 3));
    });
    const house = houses[run % houses.length];
    if (house === undefined) throw new Error("there is no house to go to");
    const fromMs = performance.now();
    await crew.laptop("raj").roam(house);
    await crew.pingsBack("raj", priya);
    times.push(performance.now() - fromMs);
  }
  return times;
}

function rowOf(what: string, times: readonly number[]): Row {
  const [median, worst] = [quantile(times, 0.5), Math.max(...times)].map((ms) => `${(ms / 1_000).toFixed(1)} s`);
  const value = `${median} median, ${worst} worst of ${times.length}`;
  return { what, value, baseline: "", ratio: "", budget: "<= 15 s" };
}
