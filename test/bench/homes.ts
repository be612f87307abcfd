import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { root } from "../support/source-tree.ts";

/** What a section of `machine.ts` works with. */
export interface Bench {
  readonly home: string;
  readonly image: string;
  readonly dockerHost: string;
  readonly docker: Docker;
}

/** homie, as people start it. */
export const program = join(root, "bin", "homie.js");

export const spec = (image: string, command: string): object => ({
  image,
  command: ["sh", "-c", command],
  resources: { cpu: 1, memory: "64Mi" },
});

/** Writes it as a file, as people do. */
export function declare(home: string, name: string, kind: "Job" | "Limits", fields: object): void {
  const directory = join(home, "desired", ...(kind === "Job" ? ["jobs"] : []));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const object = { apiVersion: "homie.dev/v1", kind, metadata: { name }, spec: fields };
  writeFileSync(join(directory, `${kind === "Job" ? name : "limits"}.yaml`), `${JSON.stringify(object)}\n`);
}
