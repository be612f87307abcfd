import { createInterface } from "node:readline";
import { createRelay, type RelayWish } from "../../../src/adapters/relay/relay.ts";

/** Stands for a daemon inside a namespace: one request a line, one answer a line, until stdin ends. */
type Request = { readonly op: "apply"; readonly wish: RelayWish } | { readonly op: "remove" };

const changes: string[] = [];
const quiet = (): void => {};
const relay = createRelay({
  interface: "homie0",
  log: { debug: (_, fields) => void changes.push(JSON.stringify(fields)), info: quiet, warn: quiet, error: quiet },
  ...(process.argv[2] === undefined ? {} : { settings: process.argv[2] }),
});

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  changes.length = 0;
  const report = request.op === "apply" ? await relay.apply(request.wish) : await relay.remove();
  process.stdout.write(`${JSON.stringify({ report, changes })}\n`);
}
