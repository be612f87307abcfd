import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homePaths } from "../../../src/adapters/home.ts";
import { removeTree } from "../../../src/adapters/outputs/remove-tree.ts";
import { createProcessRuntime } from "../../../src/adapters/process/runtime.ts";
import type { Clock } from "../../../src/reconciler/types.ts";
import { describeRuntime } from "../../contract/runtime.contract.ts";
import type { RuntimeBed } from "../../contract/runtime.contract.ts";
import { sampleAttempt } from "../project/attempt-sample.ts";

const clock: Clock = { now: () => new Date(), monotonicMs: () => performance.now(), sleep: async () => undefined };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

describeRuntime("process", makeBed);

async function makeBed(): Promise<RuntimeBed> {
  const root = await mkdtemp(join(tmpdir(), "homie-contract-"));
  const paths = homePaths(join(root, "home"));
  const scratch = join(root, "scratch");
  await mkdir(scratch);
  const newRuntime = () => createProcessRuntime({ paths, nodeId: "contract", clock, log });
  return {
    paths,
    scratch,
    spec: { runtime: "process" },
    open: async () => ({ runtime: newRuntime(), close: async () => undefined }),
    async close() {
      const runtime = newRuntime();
      for (const name of await runtime.list()) {
        const uid = name.slice(0, name.lastIndexOf("-"));
        await runtime.remove(sampleAttempt({ attempt: Number(name.slice(uid.length + 1)) }, uid));
      }
      await removeTree(root);
    },
  };
}
