import { createInterface } from "node:readline";
import { HomieError } from "../../../src/resources/errors.ts";
import { createWireGuard } from "../../../src/adapters/wireguard/wireguard.ts";
import type { WireGuardConfig } from "../../../src/adapters/wireguard/config.ts";

/** Stands for a daemon inside a namespace: one request a line, one answer a line, until stdin ends. */
type Request =
  | { readonly op: "apply"; readonly config: WireGuardConfig; readonly renewed: readonly string[] }
  | { readonly op: "converged"; readonly config: WireGuardConfig }
  | { readonly op: "observe" | "rebind" | "remove" };

const wireguard = createWireGuard(process.argv[2] ?? "");

function obey(request: Request): Promise<unknown> {
  if (request.op === "apply") return wireguard.apply(request.config, request.renewed);
  return request.op === "converged" ? wireguard.converged(request.config) : wireguard[request.op]();
}

async function answer(request: Request): Promise<unknown> {
  try {
    return { value: await obey(request) };
  } catch (error) {
    if (!(error instanceof HomieError)) throw error;
    return { error: { code: error.code, message: error.message, hint: error.hint } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Request))}\n`);
}
