import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { attemptPaths, homePaths } from "../../../../src/adapters/home.ts";
import { createPublisher } from "../../../../src/adapters/outputs/publisher.ts";
import { openDatabase } from "../../../../src/adapters/sqlite/open-database.ts";
import type { PublishOutcome } from "../../../../src/controllers/job/ports.ts";
import type { Attempt } from "../../../../src/resources/attempt.ts";
import { sampleAttempt } from "../../../adapters/project/attempt-sample.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const uid = "uid-1";

export interface Generation {
  readonly root: string;
  readonly generation: number;
}

/** What one of two generations collected: files for the results, and for a directory of the user's. */
function filesOf(generation: number): readonly (readonly [path: string, text: string])[] {
  const [plain, wanted] = ["results", "wanted"];
  return [
    [`${plain}/model.pkl`, `model ${generation}`],
    [`${plain}/logs/run.sh`, "#!/bin/sh\n"],
    [`${wanted}/same.txt`, "same"],
    [`${wanted}/changed.txt`, `text ${generation}`],
    [`${wanted}/only/in-${generation}.txt`, "x"],
  ];
}

/** The collected files of a generation, where the collector puts them. */
export function collect({ root, generation }: Generation): void {
  const { outputs } = attemptPaths(homePaths(join(root, "home")), uid, generation);
  for (const [path, text] of filesOf(generation)) {
    mkdirSync(dirname(join(outputs, path)), { recursive: true });
    writeFileSync(join(outputs, path), text);
  }
}

/** As the Job controller has it done. */
export async function publish({ root, generation }: Generation): Promise<PublishOutcome> {
  const rule = { exclude: [], required: false, when: "Always" } as const;
  const outputs = [
    { ...rule, paths: ["results/**"] },
    { ...rule, paths: ["wanted/**"], to: join(root, "user") },
  ];
  const base = sampleAttempt({ attempt: generation, outputs, job: { name: "train", uid, generation } }, uid);
  const staged = filesOf(generation).map(([path, text]) => ({
    ...{ path, bytes: text.length, rule: path.startsWith("wanted") ? 1 : 0, executable: path.endsWith(".sh") },
    sha256: createHash("sha256").update(text).digest("hex"),
  }));
  const attempt: Attempt = {
    ...base,
    status: { phase: "Collecting", createdAt: "2026-01-01T00:00:00Z", outputs: staged },
  };
  const metadata = { ...base.metadata, name: "train" };
  const job = { apiVersion: "homie.dev/v1", kind: "Job", metadata, spec: {} } as const;
  const paths = homePaths(join(root, "home"));
  const database = openDatabase(paths.database);
  try {
    const publisher = createPublisher({ paths, published: database.published, log });
    return await publisher.publish(job, attempt, new AbortController().signal);
  } finally {
    database.close();
  }
}

// `node publisher.ts ROOT GENERATION`: to be killed on the way.
if (import.meta.main) await publish({ root: process.argv[2] ?? "", generation: Number(process.argv[3]) });
