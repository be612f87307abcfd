import { parentPort, workerData } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import { callApi } from "../../src/daemon/bench/api.ts";

/**
 * A thread that asks a daemon for its version every 20 ms until it is told to end, and then says how many milliseconds each
 * answer took. In the thread that measures, other work would count as waiting.
 */
const { socket } = workerData as { readonly socket: string };
const answersMs: number[] = [];
let ended = false;
parentPort?.once("message", () => {
  ended = true;
});
while (!ended) {
  const startMs = performance.now();
  await callApi(socket, "GET", "/version");
  answersMs.push(performance.now() - startMs);
  await sleep(20);
}
parentPort?.postMessage(answersMs);
