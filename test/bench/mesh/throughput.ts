import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { attemptFinishes, declareJob, jobSucceeds } from "../../../src/daemon/bench/jobs.ts";
import { quantile, type Row } from "../../../src/daemon/bench/measure.ts";
import type { LabHost } from "../../e2e/lab/host.ts";
import type { BenchCrew } from "./bench-crew.ts";

const rounds = 3;
const streamSeconds = 3;
const megabytes = 100;
const program = `head -c ${megabytes * 1e6} /dev/urandom > big.bin`;

interface Speeds {
  readonly raw: number[];
  readonly direct: number[];
  readonly relayed: number[];
  readonly homeDirect: number[];
  readonly homeRelayed: number[];
}

/** In turns: the bare wire, WireGuard over it, WireGuard through a third member, and files of Jobs both ways. In MB/s. */
export async function measureThroughput(crew: BenchCrew): Promise<readonly Row[]> {
  await crew.gather("wilma", "raj", "alex");
  await crew.until("raj reaches alex through a third", async () => {
    return (await crew.peerOf("raj", "alex"))?.connection === "relay";
  });
  const [vivek, wilma, alex] = [crew.at("vivek"), crew.at("wilma"), crew.at("alex")];
  const [wilmaIp, alexIp] = [await crew.addressOf("wilma"), await crew.addressOf("alex")];
  const speeds: Speeds = { raw: [], direct: [], relayed: [], homeDirect: [], homeRelayed: [] };
  for (let round = 0; round < rounds; round += 1) {
    speeds.raw.push(await stream(vivek, wilma, wilma.address));
    speeds.direct.push(await stream(vivek, wilma, wilmaIp));
    speeds.homeDirect.push(await bringHome(crew, { from: "vivek", to: "wilma", name: `direct-${round}` }));
    speeds.relayed.push(await stream(crew.at("raj"), alex, alexIp));
    speeds.homeRelayed.push(await bringHome(crew, { from: "raj", to: "alex", name: `relayed-${round}` }));
  }
  return rowsOf(speeds);
}

/** What iperf3 gets through one TCP connection, as the receiver counts. */
async function stream(from: LabHost, to: LabHost, address: string): Promise<number> {
  // It says so when it listens; its output is a pipe, so it has to be told not to keep that.
  const server = to.start("iperf3", "--server", "--one-off", "--forceflush");
  const ended = once(server, "exit");
  server.stdout?.resume();
  await once(server.stdout ?? server, "data");
  const seconds = String(streamSeconds);
  const said = await from.run("iperf3", "--client", address, "--time", seconds, "--json");
  await ended;
  const { end } = JSON.parse(said) as { readonly end: { readonly sum_received: { readonly bits_per_second: number } } };
  return end.sum_received.bits_per_second / 8e6;
}

/** A Job's file, from the moment its program has ended until it is on the other disk, checked and durable. */
async function bringHome(
  crew: BenchCrew,
  { from, to, name }: { readonly from: string; readonly to: string; readonly name: string },
): Promise<number> {
  const directory = join(crew.at(to).home, "outputs", name);
  await mkdir(directory, { recursive: true });
  const [executor, submitter] = [crew.socket(from), crew.socket(to)];
  const moment = (event: Promise<void>): Promise<number> => event.then(() => performance.now());
  const moments = Promise.all([
    moment(attemptFinishes(executor, name)),
    moment(attemptFinishes(submitter, name)),
    jobSucceeds(submitter, name),
  ]);
  const outputs = [{ paths: ["big.bin"], required: true, to: directory }];
  const spec = { command: ["sh", "-c", program], outputs, peer: from };
  const [[collectedMs, homeMs]] = await Promise.all([moments, declareJob(submitter, name, spec)]);
  return (megabytes * 1_000) / (homeMs - collectedMs);
}

function rowsOf(speeds: Speeds): readonly Row[] {
  const { raw, direct, relayed, homeDirect, homeRelayed } = speeds;
  const rate = (all: readonly number[]): string => `${quantile(all, 0.5).toFixed(0)} MB/s`;
  const row = (what: string, value: readonly number[], baseline: readonly [string, readonly number[]]): Row => ({
    what,
    value: rate(value),
    baseline: `${baseline[0]}: ${rate(baseline[1])}`,
    ratio: `${((quantile(value, 0.5) / quantile(baseline[1], 0.5)) * 100).toFixed(0)} %`,
    budget: "",
  });
  return [
    row("WireGuard, direct (iperf3)", direct, ["the bare wire", raw]),
    row("WireGuard, through a third (iperf3)", relayed, ["direct", direct]),
    row(`a Job's file of ${megabytes} MB home, direct`, homeDirect, ["iperf3, same path", direct]),
    row(`a Job's file of ${megabytes} MB home, through a third`, homeRelayed, ["iperf3, same path", relayed]),
  ];
}
