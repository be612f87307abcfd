import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { findKind } from "../kinds.ts";
import { explainField, findField } from "../render/explain.ts";
import type { JsonSchema } from "../render/explain.ts";
import { suggest } from "../../resources/suggest.ts";

/** Prints what a field means, from the schema that also validates it. */
export async function runExplain(
  context: CommandContext,
  path: string,
  options: { readonly recursive?: boolean },
): Promise<number> {
  const [word = "", ...fields] = path.split(".").map((part) => part.replace(/\[\d*\]$/u, ""));
  const kind = findKind(word);
  if (!kind.isDeclared)
    throw new HomieError("Usage", `${kind.plural} are written by homie only and have no schema of their own`, {
      hint: "explain job, limits, network or peer",
    });
  const schema = await loadSchema(kind.kind);
  const found = findField(schema, fields);
  if (found.missing !== undefined) {
    const near = suggest(found.missing, found.siblings);
    throw new HomieError(
      "NotFound",
      `there is no field ${JSON.stringify(found.missing)} in ${[kind.kind, ...found.path].join(".")}`,
      {
        hint: near === undefined ? `there are ${found.siblings.join(", ")}` : `did you mean ${near}?`,
      },
    );
  }
  await context.terminal.output.write(
    explainField(schema, found, {
      kind: kind.kind,
      recursive: options.recursive === true,
      columns: context.terminal.output.columns || 100,
    }),
  );
  return exitCodes.ok;
}

async function loadSchema(kind: string): Promise<JsonSchema> {
  const { readFile } = await import("node:fs/promises");
  // schemas/ lies beside src/ and dist/ alike.
  const text = await readFile(new URL(`../../../schemas/${kind.toLowerCase()}.schema.json`, import.meta.url), "utf8");
  return JSON.parse(text) as JsonSchema;
}
