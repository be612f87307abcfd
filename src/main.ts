import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Composition } from "./cli/transport.ts";

// Starting is most of the time a short command takes. The cache lies with the user's own caches: /tmp is everybody's.
const caches = process.env["XDG_CACHE_HOME"] || (process.env["HOME"] ? join(process.env["HOME"], ".cache") : undefined);
// Node keeps what it read from there until the process ends: 2 MiB, too much for a daemon that starts 30 ms sooner by it.
const mayStay = process.argv[2] === "up";
if (caches !== undefined && !mayStay) enableCompileCache(join(caches, "homie"));

const { runCli } = await import("./cli/run-cli.ts");
const { openNodeTerminal } = await import("./cli/node-terminal.ts");

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: openNodeTerminal(process),
  composition: async (): Promise<Composition> => (await import("./daemon/composition.ts")).composition,
  mainFile: fileURLToPath(import.meta.url),
});
