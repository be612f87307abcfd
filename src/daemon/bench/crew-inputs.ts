import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInputStore, type InputStore } from "../../adapters/inputs/input-store.ts";
import { packInputs, sendBlobs, type PackedInputs } from "../../adapters/inputs/pack-inputs.ts";
import { milliseconds, type Row } from "./measure.ts";

const directories = 100;
const filesEach = 100;
const fileBytes = 1_000;

interface Journey {
  /** Everything that would be on the wire: offers, what is lacking, and what was lacking. */
  readonly bytes: number;
  /** Until it is known what to send. */
  readonly planMs: number;
}

/** A project of 10,000 files for an executor that has had it before: what travels when one of them has changed. */
export async function measureInputs(directory: string, signal: AbortSignal): Promise<readonly Row[]> {
  const project = join(directory, "project");
  await writeProject(project);
  const store = createInputStore({ blobs: join(directory, "blobs") });
  const pack = (): Promise<PackedInputs> =>
    packInputs({ projectPath: project, exclude: [], files: [] }, { cachePath: join(directory, "hashes.db"), signal });
  const whole = await travel(store, pack, signal);
  await writeFile(join(project, "d50", "f50"), "changed".padEnd(fileBytes));
  const changed = await travel(store, pack, signal);
  return [
    {
      what: "one of 10,000 files changed: sent",
      value: `${(changed.bytes / 1024).toFixed(1)} KiB`,
      baseline: `all, the first time: ${(whole.bytes / 1024).toFixed(0)} KiB`,
      ratio: `1 / ${(whole.bytes / changed.bytes).toFixed(0)}`,
      budget: "<= 64 KiB",
    },
    {
      what: "the same, until it is known what to send",
      value: milliseconds(changed.planMs),
      baseline: `the first time: ${milliseconds(whole.planMs)}`,
      ratio: `${(changed.planMs / whole.planMs).toFixed(2)} x`,
      budget: "",
    },
  ];
}

async function writeProject(project: string): Promise<void> {
  // As files of some age are: one written just now is hashed each time, because its time stamp proves nothing yet.
  const before = new Date(Date.now() - 3_600_000);
  for (let number = 0; number < directories; number++) {
    const place = join(project, `d${number}`);
    await mkdir(place, { recursive: true });
    for (let file = 0; file < filesEach; file++) {
      const path = join(place, `f${file}`);
      await writeFile(path, `${number}/${file}`.padEnd(fileBytes));
      await utimes(path, before, before);
    }
  }
}

async function travel(store: InputStore, pack: () => Promise<PackedInputs>, signal: AbortSignal): Promise<Journey> {
  const fromMs = performance.now();
  const packed = await pack();
  let [bytes, sendingMs, plannedMs] = [0, 0, 0];
  for (;;) {
    const wanted = await store.wanted(packed.root);
    plannedMs = performance.now() - fromMs - sendingMs;
    bytes += JSON.stringify(packed.root).length + JSON.stringify(wanted).length;
    if (wanted.complete) return { bytes, planMs: plannedMs };
    const sendingFromMs = performance.now();
    const stream = async function* (): AsyncIterable<Uint8Array> {
      for await (const piece of sendBlobs(packed, wanted.blobs, signal)) {
        bytes += piece.length;
        yield piece;
      }
    };
    await store.receive(packed.root, stream(), { maxBytes: Number.MAX_SAFE_INTEGER, signal });
    sendingMs += performance.now() - sendingFromMs;
  }
}
