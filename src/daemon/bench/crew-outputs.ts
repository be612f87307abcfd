import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { connect } from "node:tls";
import { Worker } from "node:worker_threads";
import { tlsOptions } from "../../adapters/tls/session.ts";
import { createCertificate } from "../../trust/certificate.ts";
import { generateIdentity } from "../../trust/identity.ts";
import type { BenchCrew } from "./crew-homes.ts";
import { attemptFinishes, benchResources, declareJob, jobSucceeds } from "./jobs.ts";
import { quantile, type Row } from "./measure.ts";
import type { TlsSourceWish } from "./tls-source.ts";

const mebibyte = 2 ** 20;
const megabytes = 200;
const totalBytes = megabytes * mebibyte;
const rounds = 3;
const sourceFile = new URL(import.meta.url.endsWith(".ts") ? "./tls-source.ts" : "./tls-source.js", import.meta.url);

/** Written by a shell alone, as images go that have little else. */
const program = `x=$(printf '%${mebibyte}s' x); n=0
while [ $n -lt ${megabytes} ]; do printf %s "$x"; n=$((n + 1)); done > big.bin`;

/** A file of 200 MiB from bob's disk to alice's, checked and durable, against bytes over TLS that nobody keeps. */
export async function measureOutputs(crew: BenchCrew, image: string, directory: string): Promise<readonly Row[]> {
  const raw: number[] = [];
  const home: number[] = [];
  const published: number[] = [];
  const to = join(directory, "outputs");
  await mkdir(to);
  for (let round = 0; round < rounds; round++) {
    raw.push(await timeRawStream());
    const times = await bringHome(crew, image, { name: `big-${round}`, to: join(to, String(round)) });
    home.push(times.homeMs);
    published.push(times.publishedMs);
  }
  const baseline = quantile(raw, 0.5);
  const row = (what: string, ms: number, budget: string): Row => ({
    what,
    value: rate(ms),
    baseline: `a TLS stream nobody keeps: ${rate(baseline)}`,
    ratio: `${((baseline / ms) * 100).toFixed(0)} %`,
    budget,
  });
  return [
    row(`a file of ${megabytes} MiB home, checked and durable`, quantile(home, 0.5), ">= 85 %"),
    row("the same, until it is where the job wants it", quantile(published, 0.5), ""),
  ];
}

/** From the moment bob has collected the file. */
async function bringHome(
  { alice, bob }: BenchCrew,
  image: string,
  { name, to }: { readonly name: string; readonly to: string },
): Promise<{ readonly homeMs: number; readonly publishedMs: number }> {
  const moment = (event: Promise<void>): Promise<number> => event.then(() => performance.now());
  const moments = Promise.all([
    moment(attemptFinishes(bob.socket, name)),
    moment(attemptFinishes(alice.socket, name)),
    moment(jobSucceeds(alice.socket, name)),
  ]);
  const outputs = [{ paths: ["big.bin"], required: true, to }];
  const spec = { image, command: ["sh", "-c", program], resources: benchResources, outputs, peer: "bob" };
  const [[collectedMs, homeMs, publishedMs]] = await Promise.all([moments, declareJob(alice.socket, name, spec)]);
  return { homeMs: homeMs - collectedMs, publishedMs: publishedMs - collectedMs };
}

/** The same ciphers and sizes of pieces, without files, hashes and HTTP; a thread for either end, as homie has a process. */
async function timeRawStream(): Promise<number> {
  const options = tlsOptions(createCertificate(generateIdentity().identityKey));
  const workerData: TlsSourceWish = { options, totalBytes };
  const source = new Worker(sourceFile, { workerData });
  try {
    const [port] = (await once(source, "message")) as [number];
    const socket = connect({ ...options, host: "127.0.0.1", port, checkServerIdentity: () => undefined });
    await once(socket, "secureConnect");
    const fromMs = performance.now();
    let received = 0;
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    await once(socket, "end");
    if (received !== totalBytes) throw new Error(`${received} of ${totalBytes} bytes came over TLS`);
    socket.destroy();
    return performance.now() - fromMs;
  } finally {
    await source.terminate();
  }
}

function rate(ms: number): string {
  return `${(totalBytes / 1e6 / (ms / 1_000)).toFixed(0)} MB/s`;
}
