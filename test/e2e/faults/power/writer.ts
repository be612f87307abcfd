import { accessSync } from "node:fs";
import { join } from "node:path";
import { atomicWriteSync } from "../../../../src/adapters/files/atomic-write.ts";
import { openDatabase } from "../../../../src/adapters/sqlite/open-database.ts";
import { markRoot } from "./trace.ts";

/** `node writer.ts ROOT ROUNDS`: writes as a daemon does, and says after each write that it may be relied upon. */
const [root = "", rounds = "0"] = process.argv.slice(2);

function mark(name: string): void {
  try {
    accessSync(`${markRoot}${name}`);
  } catch {
    // It is not there; asking for it is what the trace shows.
  }
}

const database = openDatabase(join(root, "homie.db"));
for (let round = 1; round <= Number(rounds); round += 1) {
  const text = `# round ${round}\n`.repeat(500);
  atomicWriteSync(join(root, "config.yaml"), text);
  mark(`file/${round}`);
  database.transaction(() => {
    for (let part = 0; part < 3; part += 1)
      database.lastApplied.put("Job", `job-${part}`, { baseDirectory: `/${round}`, text });
  });
  mark(`database/${round}`);
}
// Without closing, as after a power cut.
process.kill(process.pid, "SIGKILL");
