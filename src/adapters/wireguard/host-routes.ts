import { HomieError } from "../../resources/errors.ts";
import { parseCidr } from "./addresses.ts";
import { askTool, runTool, toolError } from "./run-tool.ts";

/** Which addresses a route leads into the interface for; canonical ADDRESS/PREFIX. */
export type Routes = ReadonlySet<string>;

/** One for each network that a peer may have. */
export function routesFor(peers: readonly { readonly allowedIps: readonly string[] }[]): Routes {
  return new Set(peers.flatMap(({ allowedIps }) => allowedIps.flatMap((each) => parseCidr(each)?.text ?? [])));
}

/** Lines for `ip -batch -` that bring the routes there; `[]` when they are. */
export function planRoutes(name: string, wanted: Routes, present: Routes): readonly string[] {
  const missing = [...wanted].filter((route) => !present.has(route));
  const extra = [...present].filter((route) => !wanted.has(route));
  return [
    ...missing.map((route) => `route replace ${route} dev ${name} proto static`),
    ...extra.map((route) => `route del ${route} dev ${name}`),
  ];
}

/** Routes of the main table into this interface, without those the kernel made for its addresses. */
export async function readRoutes(name: string, fix: string): Promise<Routes> {
  const lists = await Promise.all(
    (["-4", "-6"] as const).map(async (family) => {
      const answer = await askTool("ip", [family, "-json", "route", "show", "dev", name]);
      // A system without IPv6 has no such table.
      if (!answer.ok && family === "-6") return [];
      if (!answer.ok) throw toolError("ip", answer.words, fix);
      return parseRoutes(answer.stdout);
    }),
  );
  return new Set(lists.flat());
}

/** Throws HomieError ProcessFailed for what is not `ip -json route show`. */
export function parseRoutes(text: string): readonly string[] {
  let value: unknown;
  try {
    value = text.trim() === "" ? [] : JSON.parse(text);
  } catch (cause) {
    throw new HomieError("ProcessFailed", "read what ip says of routes: it is not JSON", { cause });
  }
  if (!Array.isArray(value)) throw new HomieError("ProcessFailed", "read what ip says of routes: it is no list");
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return [];
    const { dst, protocol } = entry as { readonly dst?: unknown; readonly protocol?: unknown };
    if (typeof dst !== "string" || protocol === "kernel") return [];
    // A host's route is written without a prefix.
    const full = dst.includes("/") ? dst : `${dst}/${dst.includes(":") ? 128 : 32}`;
    return parseCidr(full)?.text ?? [];
  });
}

export async function applyRoutes(name: string, wanted: Routes, fix: string): Promise<void> {
  const lines = planRoutes(name, wanted, await readRoutes(name, fix));
  if (lines.length > 0) await runTool("ip", ["-batch", "-"], fix, `${lines.join("\n")}\n`);
}
