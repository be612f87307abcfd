import { join } from "node:path";
import { atomicWriteSync } from "../../../../src/adapters/files/atomic-write.ts";
import { openDatabase } from "../../../../src/adapters/sqlite/open-database.ts";

/** `node stubborn-writer.ts ROOT ROUNDS`: goes on after every failure. Prints a line for each write: `file 3 done`, or the code of what was thrown. */
const [root = "", rounds = "0"] = process.argv.slice(2);

function attempt(what: string, write: () => void): void {
  try {
    write();
    process.stdout.write(`${what} done\n`);
  } catch (error) {
    process.stdout.write(`${what} ${(error as { readonly code?: string }).code ?? String(error)}\n`);
  }
}

const database = openDatabase(join(root, "homie.db"));
process.stdout.write("open\n");
for (let round = 1; round <= Number(rounds); round += 1) {
  attempt(`file ${round}`, () => void atomicWriteSync(join(root, "config.yaml"), `${round}`));
  attempt(`database ${round}`, () =>
    database.transaction(() => database.lastApplied.put("Job", "job", { baseDirectory: `/${round}` })),
  );
}
database.close();
