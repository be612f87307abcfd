import { readFileSync } from "node:fs";

/** The version of this installation, from its package.json (two levels up from src/cli and from dist/cli). */
export function readPackageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
